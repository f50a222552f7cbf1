/**
 * Thawing: a frozen process does not even die. Source: cgroup-v1/freezer-subsystem, cgroup-v2 `cgroup.freeze`.
 */
import { writeFileSync } from 'node:fs'
import { isGone } from './directory.ts'
import type { CgroupPaths } from './layout.ts'

/** Let the processes of the container run, where they were frozen. A cgroup that is gone is no error. */
export function thawCgroup(paths: CgroupPaths): void {
  const { freezer, '': unified } = paths
  if (freezer === undefined && unified === undefined) return
  const [file, value] = freezer === undefined
    ? [`${unified}/cgroup.freeze`, '0']
    : [`${freezer}/freezer.state`, 'THAWED']
  try {
    writeFileSync(file, value, { flag: 'r+' })
  } catch (error) {
    if (!isGone(error)) throw error
  }
}
