/**
 * Thawing: a frozen process does not even die. Source: cgroup-v1/freezer-subsystem, cgroup-v2 `cgroup.freeze`.
 */
import { writeFileSync } from 'node:fs'
import type { CgroupPaths } from './layout.ts'

/** Let the processes of the container run, where they were frozen. A cgroup that is gone is no error. */
export function thawCgroup(paths: CgroupPaths): void {
  const { freezer, '': unified } = paths
  const [file, value] = freezer !== undefined ? [`${freezer}/freezer.state`, 'THAWED'] : [`${unified}/cgroup.freeze`, '0']
  if (freezer === undefined && unified === undefined) return
  try {
    writeFileSync(file, value, { flag: 'r+' })
  } catch (error) {
    if (!['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
