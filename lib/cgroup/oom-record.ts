/**
 * Whether the OOM killer has struck in a scope: systemd removes its cgroup with the last process in it, and the count of
 * the kernel with it, so that it is watched from the start on.
 */
import { existsSync } from 'node:fs'
import type { CgroupPaths } from './layout.ts'
import { oomFile } from './oom.ts'
import { watchOom } from './watch.ts'

export interface OomRecord {
  /** When the container has ended: whether it was seen to. What comes last of all may have been too late to be seen. */
  struck(): Promise<boolean>
}

/** Before the first process may run. Undefined where nobody counts, or it cannot be watched. */
export function recordOom(paths: CgroupPaths): OomRecord | undefined {
  const file = oomFile(paths)
  if (file === undefined || !existsSync(file)) return undefined
  let seen = false
  let end!: () => void
  const ended = new Promise<void>((resolve) => { end = resolve })
  try {
    watchOom(paths, { oom: () => { seen = true }, end })
  } catch {
    return undefined
  }
  return {
    async struck() {
      if (!seen && !existsSync(file)) await ended
      return seen
    },
  }
}
