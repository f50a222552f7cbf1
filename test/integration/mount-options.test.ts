/**
 * Every mount option with a meaning of its own, and what it does, as the mount table of a container shows it. Source:
 * runtime-spec config.md "Linux mount options", mount(8), mount_setattr(2).
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { mountOptionNames } from '../../lib/plan/mount-flags.ts'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { type MountLine, parseMountTable } from '../helpers/mountinfo.ts'
import { container, describeWith } from '../helpers/needs.ts'

type Mount = TestSpec['mounts'][number]

/** Flags of a source that has all of them, as mountinfo shows them. */
const flagged = ['ro', 'nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime', 'nosymfollow']
const clean = ['rw', 'relatime']
const but = (...changes: string[]): string[] => {
  const times = ['relatime', 'noatime', '']
  const without = (list: readonly string[], word: string) =>
    list.filter((one) => times.includes(word) ? !times.includes(one) : one !== word &&
      one !== { ro: 'rw', rw: 'ro' }[word])
  return changes.reduce((list, change) => {
    const [, minus, word = ''] = /^(-?)(.*)$/.exec(change) ?? []
    return minus ? without(list, word) : [...without(list, word), word].filter(Boolean)
  }, flagged)
}

/** Option to the flags of a recursive bind mount of a source without flags: of the mount, and of what is below it. */
const set: Readonly<Record<string, readonly [own: readonly string[], below: readonly string[]]>> = {
  defaults: [clean, clean], rbind: [clean, clean],
  ro: [['ro', 'relatime'], clean], rro: [['ro', 'relatime'], ['ro', 'relatime']],
  ...both('nosuid'), ...both('nodev'), ...both('noexec'), ...both('nodiratime'), ...both('nosymfollow'),
  noatime: [['rw', 'noatime'], clean], rnoatime: [['rw', 'noatime'], ['rw', 'noatime']],
  strictatime: [['rw'], clean], rstrictatime: [['rw'], ['rw']],
  norelatime: [clean, clean], rnorelatime: [clean, clean], nostrictatime: [clean, clean],
    rnostrictatime: [clean, clean],
}

/** Option to the flags of a recursive bind mount of a source with all flags. */
const cleared: Readonly<Record<string, readonly [own: readonly string[], below: readonly string[]]>> = {
  rw: [but('rw'), flagged], rrw: [but('rw'), but('rw')],
  ...gone('suid', 'nosuid'), ...gone('dev', 'nodev'), ...gone('exec', 'noexec'), ...gone('diratime', 'nodiratime'),
  ...gone('symfollow', 'nosymfollow'),
  atime: [but('relatime'), flagged], ratime: [but('relatime'), but('relatime')],
  relatime: [but('relatime'), flagged], rrelatime: [but('relatime'), but('relatime')],
}

/** Option to the flags of the file system, of a new tmpfs; an empty list where the kernel shows nothing of it. */
const ofFilesystem: Readonly<Record<string, readonly string[]>> = {
  sync: ['sync'], dirsync: ['dirsync'], lazytime: ['lazytime'],
  async: [], nolazytime: [], mand: [], nomand: [], iversion: [], noiversion: [], silent: [], loud: [],
}

/** Option to the propagation of a bind mount. */
const propagation: Readonly<Record<string, string>> = {
  private: '', rprivate: '', shared: 'shared', rshared: 'shared', slave: '', rslave: '', unbindable: 'unbindable',
  runbindable: 'unbindable',
}

/** They have tests of their own: below, and tmpcopyup.test.ts. */
const others = ['bind', 'remount', 'idmap', 'ridmap', 'tmpcopyup']

function both(name: string): Record<string, readonly [readonly string[], readonly string[]]> {
  const flags = [...clean, name]
  return { [name]: [flags, clean], [`r${name}`]: [flags, flags] }
}

function gone(name: string, flag: string): Record<string, readonly [readonly string[], readonly string[]]> {
  return { [name]: [but(`-${flag}`), flagged], [`r${name}`]: [but(`-${flag}`), but(`-${flag}`)] }
}

test('every option is in one of the tables', () => {
  const tables = [set, cleared, ofFilesystem, propagation].flatMap((table) => Object.keys(table))
  expect([...tables, ...others].sort()).toEqual(mountOptionNames)
})

describeWith([...container, 'cli', 'mountNamespaces'], 'a mount option', () => {
  const sandbox = useSandbox()
  let table: MountLine[]
  const at = (path: string): MountLine | undefined => table.findLast((one) => one.path === `/tmp/${path}`)
  const sorted = (line: MountLine | undefined) => line?.options.filter((one) => one !== 'idmapped').toSorted()

  beforeAll(async () => {
    const [plain, marked] = ['plain', 'marked'].map((name) => join(sandbox.directory, name)) as [string, string]
    for (const directory of [plain, marked]) mkdirSync(directory)
    const ids = [{ containerID: 0, hostID: 5, size: 10 }]
    const bind = (name: string, source: string, options = ['rbind', name]): Mount =>
      ({ destination: `/tmp/${name}`, source, options })
    const { id, bundle } = sandbox.bundle(['cat', '/proc/self/mountinfo'], ({ mounts }) => mounts.push(
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs' },
      ...Object.keys(set).map((name) => bind(name, plain)),
      ...Object.keys(cleared).map((name) => bind(name, marked)),
      ...Object.keys(propagation).map((name) => bind(name, plain)),
      ...Object.keys(ofFilesystem).map((name) => ({ destination: `/tmp/${name}`, type: 'tmpfs', source: 'tmpfs',
        options: [name] })),
      bind('bind', plain, ['bind']),
      { ...bind('idmap', plain), uidMappings: ids, gidMappings: ids },
      { ...bind('ridmap', plain), uidMappings: ids, gidMappings: ids },
      { destination: '/tmp/remount', type: 'tmpfs', source: 'tmpfs', options: ['size=64k'] },
      { destination: '/tmp/remount', type: 'tmpfs', source: 'tmpfs', options: ['remount', 'ro', 'size=128k'] },
      bind('again', marked, ['rbind']), { destination: '/tmp/again', options: ['remount', 'bind', 'nosuid', 'noexec'] },
    ))
    const made = [plain, marked].map((directory) =>
      `mount -t tmpfs tmpfs ${directory} && mkdir ${directory}/below && mount -t tmpfs tmpfs ${directory}/below`).join(' && ')
    const mark = [`${marked}/below`, marked].map((path) =>
      `mount -o remount,bind,${flagged.join(',')} ${path}`).join(' && ')
    const through = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', `${made} && ${mark} && exec "$@"`, 'sh']
    const { code, stdout, stderr } = await sandbox.nrunc(['run', '-b', bundle, id], { through })
    expect([code, stderr]).toEqual([0, ''])
    table = parseMountTable(stdout)
  })

  test.each(Object.entries({ ...set, ...cleared }))('%s on a bind mount', (name, [own, below]) => {
    expect([sorted(at(name)), sorted(at(`${name}/below`))]).toEqual([own.toSorted(), below.toSorted()])
  })

  test.each(Object.entries(ofFilesystem))('%s on a new file system', (name, shown) => {
    expect(at(name)?.type).toBe('tmpfs') // as data it would have been refused
    const all = Object.values(ofFilesystem).flat()
    expect(at(name)?.data.filter((one) => all.includes(one))).toEqual(shown)
  })

  test.each(Object.entries(propagation))('%s', (name, kind) => {
    expect(at(name)?.propagation.map((word) => word.split(':')[0]).join()).toBe(kind)
    const recursive = name.startsWith('r') ? kind : ''
    expect(at(`${name}/below`)?.propagation.map((word) => word.split(':')[0]).join()).toBe(recursive)
  })

  test('bind is for one mount, rbind for all below', () => {
    expect([at('bind') !== undefined, at('bind/below'), at('rbind/below') !== undefined]).toEqual([true, undefined,
      true])
  })

  test('idmap is for one mount, ridmap for all below', () => {
    const mapped = (path: string) => at(path)?.options.includes('idmapped')
    expect(['idmap', 'idmap/below', 'ridmap', 'ridmap/below'].map(mapped)).toEqual([true, false, true, true])
  })

  test('remount changes the file system that is there, remount and bind only the mount', () => {
    expect(table.filter(({ path }) => path === '/tmp/remount')).toHaveLength(1)
    expect([at('remount')?.options.includes('ro'), at('remount')?.data]).toEqual([true,
      expect.arrayContaining(['ro', 'size=128k'])])
    expect(sorted(at('again'))).toEqual(['noatime', 'noexec', 'nosuid', 'rw'])
    expect(table.filter(({ path }) => path === '/tmp/again')).toHaveLength(1)
  })

  test('a word that is none is data of the file system, which may refuse it', async () => {
    const error = await sandbox.output(['true'], ({ mounts }) =>
      mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs',
        options: ['nosuchoption'] })).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_INIT', field: `/mounts/${sandbox.spec([]).mounts.length}`,
      errno: 'EINVAL', syscall: 'mount' })
  })

  test('data on a bind mount is refused: it would change the file system of the host', async () => {
    writeFileSync(join(sandbox.directory, 'file'), '')
    const index = sandbox.spec([]).mounts.length
    const error = await sandbox.output(['true'], ({ mounts }) =>
      mounts.push({ destination: '/tmp/file', source: join(sandbox.directory, 'file'),
        options: ['bind', 'ro', 'size=5'] }))
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID', field: `/mounts/${index}/options/2`, operand: 'size=5' })
  })
})
