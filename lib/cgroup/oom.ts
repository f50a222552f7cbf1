/**
 * Whether a container ran out of memory. Source: admin-guide/cgroup-v2 `memory.events`, admin-guide/cgroup-v1/memory
 * `memory.oom_control`.
 */
import { readFileSync } from 'node:fs'
import type { CgroupPaths } from './layout.ts'

/** The file with the count; undefined where the container has no memory controller. */
export const oomFile = ({ memory, '': unified }: CgroupPaths): string | undefined =>
  memory !== undefined ? `${memory}/memory.oom_control` : unified && `${unified}/memory.events`

/**
 * How many processes of the container the OOM killer has ended; 0 where nobody counts, and when the cgroup is gone.
 * To be asked before the cgroup is removed: the count goes with it.
 */
export function oomKillCount(paths: CgroupPaths): number {
  const file = oomFile(paths)
  if (file === undefined) return 0
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
