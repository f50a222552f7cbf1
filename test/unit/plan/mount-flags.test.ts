import { describe, expect, test } from 'vitest'
import {
  attributes, clearedAttributes, freshFlags, MOUNT_ATTR, mountOptionNames, MS, parseMountOptions,
  replacedAttributes,
} from '../../../lib/plan/mount-flags.ts'

/** Flags of mount(2) that an option sets and clears. Source: runtime-spec config.md "Linux mount options". */
const plain: Readonly<Record<string, readonly [set: number, clear: number]>> = {
  async: [0, 0x10], atime: [0, 0x400], bind: [0x1000, 0], defaults: [0, 0], dev: [0, 0x4], diratime: [0, 0x800],
  dirsync: [0x80, 0], exec: [0, 0x8], iversion: [0x800000, 0], lazytime: [0x2000000, 0], loud: [0, 0x8000],
  mand: [0x40, 0], noatime: [0x400, 0], nodev: [0x4, 0], nodiratime: [0x800, 0], noexec: [0x8, 0],
  noiversion: [0, 0x800000],
  nolazytime: [0, 0x2000000], nomand: [0, 0x40], norelatime: [0, 0x200000], nostrictatime: [0, 0x1000000],
  nosuid: [0x2, 0], nosymfollow: [0x100, 0], rbind: [0x5000, 0], relatime: [0x200000, 0], remount: [0x20, 0],
  ro: [0x1, 0],
  rw: [0, 0x1], silent: [0x8000, 0], strictatime: [0x1000000, 0], suid: [0, 0x2], symfollow: [0, 0x100],
  sync: [0x10, 0],
}

const propagations: Readonly<Record<string, number>> = {
  private: 0x40000, rprivate: 0x44000, shared: 0x100000, rshared: 0x104000, slave: 0x80000, rslave: 0x84000,
  unbindable: 0x20000, runbindable: 0x24000,
}

/** Attributes of mount_setattr(2). The times are one field: to set one of them is to clear all. */
const recursive: Readonly<Record<string, readonly [set: number, clear: number]>> = {
  rro: [0x1, 0], rrw: [0, 0x1], rnosuid: [0x2, 0], rsuid: [0, 0x2], rnodev: [0x4, 0], rdev: [0, 0x4], rnoexec: [0x8, 0],
  rexec: [0, 0x8], rnodiratime: [0x80, 0], rdiratime: [0, 0x80], rrelatime: [0, 0x70], rnorelatime: [0, 0x70],
  rnoatime: [0x10, 0x70], ratime: [0, 0x70], rstrictatime: [0x20, 0x70], rnostrictatime: [0, 0x70],
  rsymfollow: [0, 0x200000], rnosymfollow: [0x200000, 0],
}

const none = {
  set: 0, clear: 0, recursiveSet: 0, recursiveClear: 0, propagation: [], idmap: '', copyUp: false, data: '',
}

const others = ['idmap', 'ridmap', 'tmpcopyup']

describe('every option of the specification', () => {
  test('is one of the tables here, and no other has a meaning', () => {
    expect(mountOptionNames).toEqual(
      [...Object.keys(plain), ...Object.keys(propagations), ...Object.keys(recursive), ...others].sort(),
    )
  })

  test.each(Object.entries(plain))('%s', (name, [set, clear]) => {
    expect(parseMountOptions([name])).toEqual({ ...none, set, clear })
  })

  test.each(Object.entries(propagations))('%s', (name, flags) => {
    expect(parseMountOptions([name])).toEqual({ ...none, propagation: [flags] })
  })

  test.each(Object.entries(recursive))('%s', (name, [recursiveSet, recursiveClear]) => {
    expect(parseMountOptions([name])).toEqual({ ...none, recursiveSet, recursiveClear })
  })

  test('what the kernel refuses, a part of the time field to be cleared, never comes out', () => {
    for (const one of mountOptionNames) {
      for (const other of mountOptionNames) {
        const options = parseMountOptions([one, other])
        for (const [set, clear] of [
          [options.recursiveSet, options.recursiveClear], [attributes(options.set), clearedAttributes(options)],
        ] as const) {
          expect([0, MOUNT_ATTR.ATIME], `${one},${other}`).toContain(clear & MOUNT_ATTR.ATIME)
          // mount_setattr(2): EINVAL for times that are set and not cleared, and for two at once.
          if (set & MOUNT_ATTR.ATIME) expect(clear & MOUNT_ATTR.ATIME, `${one},${other}`).toBe(MOUNT_ATTR.ATIME)
          expect([0, MOUNT_ATTR.NOATIME, MOUNT_ATTR.STRICTATIME], `${one},${other}`).toContain(set & MOUNT_ATTR.ATIME)
        }
      }
    }
  })
})

describe('options together', () => {
  test('of idmap and ridmap the last one counts', () => {
    expect(parseMountOptions(['idmap', 'ridmap'])).toEqual({ ...none, idmap: 'ridmap' })
    expect(parseMountOptions(['ridmap', 'bind', 'idmap'])).toEqual({ ...none, set: MS.BIND, idmap: 'idmap' })
  })

  test('tmpcopyup is no data', () => {
    expect(parseMountOptions(['size=1m', 'tmpcopyup'])).toEqual({ ...none, copyUp: true, data: 'size=1m' })
  })

  test('what has no meaning of its own is data, in its order', () => {
    expect(parseMountOptions(['mode=755', 'ro', 'size=64m', 'uid=0'])).toEqual({
      ...none, set: MS.RDONLY, data: 'mode=755,size=64m,uid=0',
    })
  })

  test('case matters: RO is data', () => {
    expect(parseMountOptions(['RO']).data).toBe('RO')
  })

  test.each(['constructor', 'toString', '__proto__'])('%s is a word as any other', (word) => {
    expect(parseMountOptions([word])).toEqual({ ...none, data: word })
  })

  const opposites = [
    ['ro', 'rw'], ['nosuid', 'suid'], ['nodev', 'dev'], ['noexec', 'exec'], ['sync', 'async'], ['mand', 'nomand'],
    ['noatime', 'atime'], ['nodiratime', 'diratime'], ['relatime', 'norelatime'], ['strictatime', 'nostrictatime'],
    ['iversion', 'noiversion'], ['lazytime', 'nolazytime'], ['silent', 'loud'], ['nosymfollow', 'symfollow'],
  ] as const

  test.each(opposites)('of %s and %s the last one counts', (on, off) => {
    const [flag] = plain[on]!
    expect(parseMountOptions([on, off])).toEqual({ ...none, set: 0, clear: flag })
    expect(parseMountOptions([off, on])).toEqual({ ...none, set: flag, clear: 0 })
  })

  test.each([
    ['rro', 'rrw'], ['rnosuid', 'rsuid'], ['rnodev', 'rdev'], ['rnoexec', 'rexec'], ['rnodiratime', 'rdiratime'],
    ['rnosymfollow', 'rsymfollow'],
  ])('of %s and %s the last one counts, for the tree', (on, off) => {
    const [flag] = recursive[on]!
    expect(parseMountOptions([on, off])).toEqual({ ...none, recursiveClear: flag })
    expect(parseMountOptions([off, on])).toEqual({ ...none, recursiveSet: flag })
  })

  test('of several times for the tree the last one counts', () => {
    expect(parseMountOptions(['rnoatime', 'rstrictatime'])).toMatchObject({
      recursiveSet: MOUNT_ATTR.STRICTATIME, recursiveClear: MOUNT_ATTR.ATIME,
    })
    expect(parseMountOptions(['rnoatime', 'rrelatime'])).toMatchObject({
      recursiveSet: 0, recursiveClear: MOUNT_ATTR.ATIME,
    })
    expect(parseMountOptions(['ratime', 'rnoatime'])).toMatchObject({
      recursiveSet: MOUNT_ATTR.NOATIME, recursiveClear: MOUNT_ATTR.ATIME,
    })
  })

  test('propagation keeps its order', () => {
    expect(parseMountOptions(['rslave', 'shared']).propagation).toEqual([MS.SLAVE | MS.REC, MS.SHARED])
  })

  test('the attributes of one mount and of its tree are apart', () => {
    expect(parseMountOptions(['ro', 'rnosuid'])).toEqual({ ...none, set: MS.RDONLY, recursiveSet: MOUNT_ATTR.NOSUID })
  })
})

describe('flags of mount(2) as attributes of mount_setattr(2)', () => {
  test.each([
    [MS.RDONLY, MOUNT_ATTR.RDONLY], [MS.NOSUID, MOUNT_ATTR.NOSUID], [MS.NODEV, MOUNT_ATTR.NODEV],
    [MS.NOEXEC, MOUNT_ATTR.NOEXEC],
    [MS.NOATIME, MOUNT_ATTR.NOATIME], [MS.STRICTATIME, MOUNT_ATTR.STRICTATIME], [MS.NODIRATIME, MOUNT_ATTR.NODIRATIME],
    [MS.NOSYMFOLLOW, MOUNT_ATTR.NOSYMFOLLOW], [MS.RELATIME, 0], [MS.BIND | MS.REC, 0], [MS.SYNCHRONOUS, 0],
  ])('%d is %d', (flag, attribute) => {
    expect(attributes(flag)).toBe(attribute)
  })

  test('strictatime is stronger than noatime, as it is for mount(2)', () => {
    expect(attributes(MS.NOATIME | MS.STRICTATIME)).toBe(MOUNT_ATTR.STRICTATIME)
  })

  test.each([
    [['rw'], MOUNT_ATTR.RDONLY], [['suid', 'dev', 'exec'], 0xe], [['atime'], MOUNT_ATTR.ATIME],
    [['noatime'], MOUNT_ATTR.ATIME],
    [['relatime'], MOUNT_ATTR.ATIME], [['nostrictatime'], MOUNT_ATTR.ATIME], [['diratime'], MOUNT_ATTR.NODIRATIME],
    [['symfollow'], MOUNT_ATTR.NOSYMFOLLOW], [['ro', 'nosuid'], 0],
  ])('%j clears %d', (options, cleared) => {
    expect(clearedAttributes(parseMountOptions(options))).toBe(cleared)
  })
})

describe('remount,bind', () => {
  const all = MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC | MOUNT_ATTR.NODIRATIME | MOUNT_ATTR.NOSYMFOLLOW

  test.each([
    [[], all], [['ro', 'nosuid'], all & ~(MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID)], [['rw'], all],
    [['noatime'], all | MOUNT_ATTR.ATIME], [['relatime', 'ro'], (all & ~MOUNT_ATTR.RDONLY) | MOUNT_ATTR.ATIME],
  ])('%j replaces all flags, but times only where it names one', (options, cleared) => {
    expect(replacedAttributes(parseMountOptions(options))).toBe(cleared)
  })
})

describe('the flags of a mount that is made afresh', () => {
  test.each([
    [['ro', 'nosuid'], MS.RDONLY | MS.NOSUID], [['rro', 'rnodev'], MS.RDONLY | MS.NODEV], [['ro', 'rrw'], 0],
    [['rnoatime'], MS.NOATIME], [['noatime', 'rstrictatime'], MS.STRICTATIME], [['noatime', 'rrelatime'], 0],
    [['rnosymfollow', 'rnodiratime', 'rnoexec', 'rnosuid'], MS.NOSYMFOLLOW | MS.NODIRATIME | MS.NOEXEC | MS.NOSUID],
  ])('%j: with nothing below it, its tree is the mount alone', (options, flags) => {
    expect(freshFlags(parseMountOptions(options))).toBe(flags)
  })
})
