/**
 * Whether and where this host has resctrl, the kernel's interface to Intel RDT. Source: the kernel's
 * filesystems/resctrl.rst.
 */
import { existsSync, readFileSync } from 'node:fs'
import { parseMountInfo } from '../cgroup/mountinfo.ts'

export interface ResctrlHost {
  /** Mount point of resctrl. */
  readonly root: string
  /** Whether the cache, the memory bandwidth can be divided, and both be monitored. */
  readonly cache: boolean
  readonly bandwidth: boolean
  readonly monitoring: boolean
}

/** What a mountinfo file and the resctrl that it names say; undefined where none is mounted. */
export function findResctrl(mountinfo: string): ResctrlHost | undefined {
  const root = parseMountInfo(mountinfo).find(({ type }) => type === 'resctrl')?.mountpoint
  if (root === undefined) return undefined
  const has = (name: string) => existsSync(`${root}/info/${name}`)
  return { root, cache: ['L3', 'L3CODE', 'L2', 'L2CODE'].some(has), bandwidth: has('MB') || has('SMBA'), monitoring: has('L3_MON') }
}

/** {@link findResctrl} of this host. */
export const resctrlHost = (): ResctrlHost | undefined => findResctrl(readFileSync('/proc/self/mountinfo', 'latin1'))
