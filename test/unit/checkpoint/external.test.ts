import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { configFile, externalMounts, externalNamespaces, resolveInside, restoredNamespaces } from '../../../lib/checkpoint/external.ts'
import { checkCheckpointOptions, checkRestoreOptions } from '../../../lib/checkpoint/options.ts'
import { refuseUnrestorable, requireLsm } from '../../../lib/checkpoint/unrestorable.ts'
import { defaultSpec } from '../../../lib/spec/defaults.ts'
import type { Spec } from '../../../lib/spec/schema.ts'

const spec = (change: Partial<Spec>): Spec => ({ ...defaultSpec(), mounts: [], ...change })
const layout = { directories: [], paths: {}, field: '', rootless: false }
const namespaces = (...list: NonNullable<NonNullable<Spec['linux']>['namespaces']>) => spec({ linux: { namespaces: list } })

describe('external mounts', () => {
  test('bind mounts with their sources, relative to the bundle; not new file systems, and no remount', () => {
    const mounts = [
      { destination: '/a', source: 'data', options: ['rbind', 'ro'] }, { destination: '/b', source: '/srv/b', type: 'bind', options: ['bind'] },
      { destination: '/tmp', type: 'tmpfs' }, { destination: '/a', options: ['remount', 'bind', 'ro'] }, { destination: '/proc', type: 'proc' },
    ]
    expect(externalMounts(spec({ mounts }), '/bundle', layout).slice(0, 3)).toEqual([
      { destination: '/a', source: '/bundle/data' }, { destination: '/b', source: '/srv/b' }, { destination: '/dev/null', source: '/dev/null' },
    ])
  })

  test('nodes of devices, each once', () => {
    const devices = [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229 }, { path: '/dev/null', type: 'c', major: 1, minor: 3 }] as const
    const paths = externalMounts(spec({ linux: { devices: [...devices] } }), '/bundle', layout).map(({ destination }) => destination)
    expect(paths).toEqual(['/dev/null', '/dev/random', '/dev/full', '/dev/tty', '/dev/zero', '/dev/urandom', '/dev/fuse'])
  })
})

describe('a path inside a root', () => {
  const root = mkdtempSync(join(tmpdir(), 'nrunc-unit-'))
  afterAll(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'run'))
  mkdirSync(join(root, 'var'))
  symlinkSync('/run', join(root, 'var/run'))
  symlinkSync('../../../../etc', join(root, 'run/out'))
  symlinkSync('loop', join(root, 'loop'))

  test.each([
    ['/a/b', '/a/b'], ['/var/run/x', '/run/x'], ['/run/out/passwd', '/etc/passwd'], ['/../../a', '/a'], ['/run/./x/', '/run/x'], ['/', '/'],
  ])('%s is %s', (path, expected) => {
    expect(resolveInside(root, path)).toBe(expected)
  })

  test('a link to itself has an end', () => {
    expect(resolveInside(root, '/loop/x')).toBe('/loop/x')
  })
})

describe('namespaces of others', () => {
  const path = '/proc/self/ns/net'
  const { ino } = statSync(path)

  test('a checkpoint leaves network and pid alone; their inodes say which', () => {
    const given = namespaces({ type: 'network', path }, { type: 'pid', path }, { type: 'ipc', path }, { type: 'mount' })
    expect(externalNamespaces(given, 31700)).toEqual([`net[${ino}]:extRootNetNS`, `pid[${ino}]:extRootPidNS`])
  })

  test('a restore gets these as descriptors, and joins the others', () => {
    const given = namespaces({ type: 'network', path }, { type: 'ipc', path: '/ns/ipc' }, { type: 'mount', path: '/ns/mnt' }, { type: 'uts' })
    expect(restoredNamespaces(given, 31700)).toEqual({
      inherited: [{ key: 'extRootNetNS', path, field: '/linux/namespaces/0/path' }],
      joined: [{ type: 'ipc', path: '/ns/ipc' }, { type: 'mnt', path: '/ns/mnt' }],
    })
  })

  test.each([['network', 31000, 31100], ['pid', 31400, 31500]] as const)('%s: criu %i is too old', (type, version, needed) => {
    for (const look of [externalNamespaces, restoredNamespaces]) {
      expect(() => look(namespaces({ type, path }), version)).toThrow(expect.objectContaining({ code: 'ERR_CRIU', field: '/linux/namespaces/0' }))
      expect(() => look(namespaces({ type, path }), needed)).not.toThrow()
    }
  })

  test.each(['cgroup', 'time'] as const)('criu cannot enter a %s namespace', (type) => {
    expect(() => restoredNamespaces(namespaces({ type, path }), 40000)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_UNSUPPORTED' }))
  })

  test('one that is gone', () => {
    expect(() => externalNamespaces(namespaces({ type: 'network', path: '/nonexistent' }), 40000))
      .toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID', errno: 'ENOENT', field: '/linux/namespaces/0/path' }))
  })
})

test('the file with settings: the annotation, or the first that is there; an empty annotation is none', () => {
  const annotated = (value: string) => spec({ annotations: { 'org.criu.config': value } })
  expect(configFile(annotated('/my.conf'), () => true)).toBe('/my.conf')
  expect(configFile(annotated(''), () => true)).toBeUndefined()
  expect(configFile(spec({}), () => true)).toBe('/etc/criu/nrunc.conf')
  expect(configFile(spec({}), (path) => path.endsWith('runc.conf') && !path.endsWith('nrunc.conf'))).toBe('/etc/criu/runc.conf')
  expect(configFile(spec({}), () => false)).toBeUndefined()
})

test.each([
  [{ intelRdt: {} }, '/linux/intelRdt'], [{ netDevices: { eth0: {} } }, '/linux/netDevices'],
] as const)('%j cannot be restored', (linux, field) => {
  expect(() => refuseUnrestorable(spec({ linux }))).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_UNSUPPORTED', field }))
})

test('a mount with ids of its own cannot be restored', () => {
  const ids = [{ containerID: 0, hostID: 1, size: 1 }]
  const mounts = [{ destination: '/a' }, { destination: '/b', uidMappings: ids, gidMappings: ids }]
  expect(() => refuseUnrestorable(spec({ mounts }))).toThrow(expect.objectContaining({ field: '/mounts/1/uidMappings' }))
  expect(() => refuseUnrestorable(spec({ mounts: mounts.slice(0, 1) }))).not.toThrow()
})

test('another security label needs criu 3.16', () => {
  expect(() => requireLsm({ imagePath: '/c', lsmProfile: 'x' }, 31500)).toThrow('--lsm-profile requires at least criu 3.16')
  expect(() => requireLsm({ imagePath: '/c', lsmMountContext: 'x' }, 31500)).toThrow('--lsm-mount-context requires at least criu 3.16')
  expect(() => requireLsm({ imagePath: '/c', lsmProfile: 'x' }, 31600)).not.toThrow()
  expect(() => requireLsm({ imagePath: '/c' }, 30000)).not.toThrow()
})

describe('options', () => {
  test.each([
    [{ imagePath: '' }, /invalid directory/], [{ imagePath: '/c', parentPath: '/p' }, '--parent-path must be relative'],
    [{ imagePath: '/c', statusFd: 5 }, /lazy pages/], [{ imagePath: '/c', manageCgroupsMode: 'default' }, /manage-cgroups-mode/],
    [{ imagePath: '/c', networkLock: 'none' }, /network-lock/], [{ imagePath: '/c', leaverunning: true }, /unknown option/],
    [{ imagePath: '/c', pageServer: { address: 'a', port: 70000 } }, /ADDRESS:PORT/], [{ imagePath: '/c', pageServer: { address: '', port: 7 } }, /ADDRESS:PORT/],
  ])('%j', (options, message) => {
    expect(() => checkCheckpointOptions(options as never)).toThrow(message)
  })

  test('a restore has other ones', () => {
    expect(() => checkRestoreOptions({ imagePath: '/c', tcpClose: true, lsmProfile: 'x' })).not.toThrow()
    expect(() => checkRestoreOptions({ imagePath: '/c', leaveRunning: true } as never)).toThrow(/unknown option/)
    expect(() => checkRestoreOptions({} as never)).toThrow(/invalid directory/)
  })
})
