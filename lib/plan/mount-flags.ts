/**
 * Mount options of config.json -> flags of mount(2) and mount_setattr(2). Source: runtime-spec config.md "Linux mount
 * options", mount(2), mount_setattr(2).
 */
import { posix } from 'node:path'
import type { Mount } from '../spec/schema.ts'

/** MS_* of mount(2). */
export const MS = {
  RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8, SYNCHRONOUS: 16, REMOUNT: 32, MANDLOCK: 64, DIRSYNC: 128,
  NOSYMFOLLOW: 256, NOATIME: 1024, NODIRATIME: 2048, BIND: 4096, MOVE: 8192, REC: 16384, SILENT: 32768,
  UNBINDABLE: 1 << 17, PRIVATE: 1 << 18, SLAVE: 1 << 19, SHARED: 1 << 20, RELATIME: 1 << 21, I_VERSION: 1 << 23,
  STRICTATIME: 1 << 24, LAZYTIME: 1 << 25,
} as const

/** MOUNT_ATTR_* of mount_setattr(2). */
export const MOUNT_ATTR = {
  RDONLY: 0x1, NOSUID: 0x2, NODEV: 0x4, NOEXEC: 0x8, ATIME: 0x70, RELATIME: 0x0, NOATIME: 0x10, STRICTATIME: 0x20,
  NODIRATIME: 0x80, NOSYMFOLLOW: 0x200000,
} as const

export const hasOption = ({ options = [] }: Mount, ...names: readonly string[]): boolean =>
  options.some((option) => names.includes(option))

/** With `remount` it is the mount at the destination that changes, and nothing is bound. */
export const isBind = (mount: Mount): boolean => hasOption(mount, 'bind', 'rbind') && !hasOption(mount, 'remount')

/** A relative destination is relative to the root. */
export const placeOf = (mount: Mount): string => posix.resolve('/', mount.destination)

interface Change {
  readonly set?: number
  readonly clear?: number
}

const plain: Readonly<Record<string, Change>> = {
  async: { clear: MS.SYNCHRONOUS }, atime: { clear: MS.NOATIME }, defaults: {}, dev: { clear: MS.NODEV },
  diratime: { clear: MS.NODIRATIME }, dirsync: { set: MS.DIRSYNC }, exec: { clear: MS.NOEXEC },
  iversion: { set: MS.I_VERSION }, lazytime: { set: MS.LAZYTIME }, loud: { clear: MS.SILENT },
  mand: { set: MS.MANDLOCK }, noatime: { set: MS.NOATIME }, nodev: { set: MS.NODEV },
  nodiratime: { set: MS.NODIRATIME }, noexec: { set: MS.NOEXEC }, noiversion: { clear: MS.I_VERSION },
  nolazytime: { clear: MS.LAZYTIME }, nomand: { clear: MS.MANDLOCK }, norelatime: { clear: MS.RELATIME },
  nostrictatime: { clear: MS.STRICTATIME }, nosuid: { set: MS.NOSUID }, nosymfollow: { set: MS.NOSYMFOLLOW },
  relatime: { set: MS.RELATIME }, remount: { set: MS.REMOUNT }, ro: { set: MS.RDONLY }, rw: { clear: MS.RDONLY },
  silent: { set: MS.SILENT }, strictatime: { set: MS.STRICTATIME }, suid: { clear: MS.NOSUID },
  symfollow: { clear: MS.NOSYMFOLLOW }, sync: { set: MS.SYNCHRONOUS }, bind: { set: MS.BIND },
  rbind: { set: MS.BIND | MS.REC },
}

const propagations: Readonly<Record<string, number>> = {
  private: MS.PRIVATE, rprivate: MS.PRIVATE | MS.REC, shared: MS.SHARED, rshared: MS.SHARED | MS.REC,
  slave: MS.SLAVE, rslave: MS.SLAVE | MS.REC, unbindable: MS.UNBINDABLE, runbindable: MS.UNBINDABLE | MS.REC,
}

const recursive: Readonly<Record<string, Change>> = {
  rro: { set: MOUNT_ATTR.RDONLY }, rrw: { clear: MOUNT_ATTR.RDONLY },
  rnosuid: { set: MOUNT_ATTR.NOSUID }, rsuid: { clear: MOUNT_ATTR.NOSUID },
  rnodev: { set: MOUNT_ATTR.NODEV }, rdev: { clear: MOUNT_ATTR.NODEV },
  rnoexec: { set: MOUNT_ATTR.NOEXEC }, rexec: { clear: MOUNT_ATTR.NOEXEC },
  rnodiratime: { set: MOUNT_ATTR.NODIRATIME }, rdiratime: { clear: MOUNT_ATTR.NODIRATIME },
  rrelatime: { set: MOUNT_ATTR.RELATIME, clear: MOUNT_ATTR.ATIME }, rnorelatime: { clear: MOUNT_ATTR.ATIME },
  rnoatime: { set: MOUNT_ATTR.NOATIME, clear: MOUNT_ATTR.ATIME }, ratime: { clear: MOUNT_ATTR.ATIME },
  rstrictatime: { set: MOUNT_ATTR.STRICTATIME, clear: MOUNT_ATTR.ATIME }, rnostrictatime: { clear: MOUNT_ATTR.ATIME },
  rsymfollow: { clear: MOUNT_ATTR.NOSYMFOLLOW }, rnosymfollow: { set: MOUNT_ATTR.NOSYMFOLLOW },
}

const others: readonly string[] = ['idmap', 'ridmap', 'tmpcopyup']

/** The names of every option with a meaning of its own; what is not listed is data for the file system. */
export const mountOptionNames: readonly string[] = [
  ...Object.keys(plain), ...Object.keys(propagations), ...Object.keys(recursive), ...others,
].sort()

export interface MountOptions {
  /** MS_* that were asked for. */
  set: number
  /** MS_* that were asked to be off. */
  clear: number
  /** MOUNT_ATTR_* for the whole tree. */
  recursiveSet: number
  recursiveClear: number
  /** Propagation flags (MS_SHARED, ... with MS_REC), in the order in which they were given. */
  propagation: number[]
  /** The mount (`idmap`) or its whole tree (`ridmap`) gets mapped ids. */
  idmap: '' | 'idmap' | 'ridmap'
  /** What the destination holds is copied into the new file system. */
  copyUp: boolean
  /** What is left for the file system, joined with commas. */
  data: string
}

const known = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

/** Split the options of a mount. The last one of a pair of opposites wins, as in mount(8). */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const result: MountOptions = {
    set: 0, clear: 0, recursiveSet: 0, recursiveClear: 0, propagation: [], idmap: '', copyUp: false, data: '',
  }
  const data: string[] = []
  for (const option of options) {
    const change = known(plain, option)
    const tree = known(recursive, option)
    const propagation = known(propagations, option)
    if (change !== undefined) {
      result.set = (result.set & ~(change.clear ?? 0)) | (change.set ?? 0)
      result.clear = (result.clear & ~(change.set ?? 0)) | (change.clear ?? 0)
    } else if (propagation !== undefined) {
      result.propagation.push(propagation)
    } else if (tree !== undefined) {
      result.recursiveSet = (result.recursiveSet & ~(tree.clear ?? 0)) | (tree.set ?? 0)
      result.recursiveClear = (result.recursiveClear & ~(tree.set ?? 0)) | (tree.clear ?? 0)
    } else if (option === 'idmap' || option === 'ridmap') {
      result.idmap = option
    } else if (option === 'tmpcopyup') {
      result.copyUp = true
    } else {
      data.push(option)
    }
  }
  result.data = data.join(',')
  return result
}

const pairs = [
  [MS.RDONLY, MOUNT_ATTR.RDONLY], [MS.NOSUID, MOUNT_ATTR.NOSUID], [MS.NODEV, MOUNT_ATTR.NODEV],
  [MS.NOEXEC, MOUNT_ATTR.NOEXEC], [MS.NODIRATIME, MOUNT_ATTR.NODIRATIME], [MS.NOSYMFOLLOW, MOUNT_ATTR.NOSYMFOLLOW],
  [MS.NOATIME, MOUNT_ATTR.NOATIME], [MS.STRICTATIME, MOUNT_ATTR.STRICTATIME],
] as const

/** MS_* flags of one mount as MOUNT_ATTR_*. Of two access times strictatime counts, as for mount(2). */
export function attributes(flags: number): number {
  const single = flags & MS.STRICTATIME ? flags & ~MS.NOATIME : flags
  return pairs.reduce((all, [flag, attribute]) => all | (single & flag ? attribute : 0), 0)
}

/** What a change of one mount has to clear. The access-time modes are one field: to set one means to clear all. */
export function clearedAttributes(options: MountOptions): number {
  const times = MS.NOATIME | MS.STRICTATIME | MS.RELATIME
  const cleared = (options.set | options.clear) & times ? MOUNT_ATTR.ATIME : 0
  return (attributes(options.clear) & ~MOUNT_ATTR.ATIME) | cleared
}

/** What `remount,bind` has to clear: every flag that it does not name, but times only where it names one. mount(2). */
export function replacedAttributes(options: MountOptions): number {
  const all = pairs.reduce((mask, [, attribute]) => mask | attribute, 0) & ~MOUNT_ATTR.ATIME
  return (all & ~attributes(options.set)) | (clearedAttributes(options) & MOUNT_ATTR.ATIME)
}

/** MS_* for a mount that is made afresh: nothing is below it, so that the attributes of its tree are its own. */
export function freshFlags(options: MountOptions): number {
  const flags = (wanted: number): number =>
    pairs.reduce((all, [flag, attribute]) => all | (wanted & attribute ? flag : 0), 0)
  return (options.set & ~MS.REC & ~flags(options.recursiveClear)) | flags(options.recursiveSet)
}
