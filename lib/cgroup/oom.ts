/**
 * Whether a container ran out of memory. Source: admin-guide/cgroup-v2 `memory.events`, admin-guide/cgroup-v1/memory
 * `memory.oom_control`.
 */
import { readFiles } from '../native/files.ts'
import type { CgroupPaths } from './layout.ts'

/** The file with the count; undefined where the container has no memory controller. */
export const oomFile = ({ memory, '': unified }: CgroupPaths): string | undefined =>
  memory !== undefined ? `${memory}/memory.oom_control` : unified && `${unified}/memory.events`

/** What the content of {@link oomFile} says: how many processes the OOM killer has ended. */
export const oomKills = (text: string): number => Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)

/**
 * The same of a container; 0 where nobody counts, and when the cgroup is gone. To be asked before the cgroup is removed:
 * the count goes with it. Read off the event loop: whoever opens a file of a cgroup waits while others make or remove any.
 */
export async function oomKillCount(paths: CgroupPaths): Promise<number> {
  const file = oomFile(paths)
  const content = file === undefined ? undefined : (await readFiles([file])).get(file)
  return content !== undefined && 'text' in content ? oomKills(content.text) : 0
}
