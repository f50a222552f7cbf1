import { describe, expect, test } from 'vitest'
import type { CheckpointOptions, RestoreOptions } from '../../../lib/checkpoint/options.ts'
import { type CheckpointFacts, checkpointRequest, type RestoreFacts, restoreRequest } from '../../../lib/checkpoint/requests.ts'

const facts: CheckpointFacts = {
  imagesDirFd: 20, logFile: 'dump.log', root: '/srv/web/rootfs', pid: 42, namespaces: [], masked: ['/proc/kcore'],
  mounts: [{ destination: '/data', source: '/srv/data' }],
}

const restoreFacts: RestoreFacts = {
  imagesDirFd: 21, logFile: 'restore.log', root: '/run/nrunc/web/criu-root', mounts: [{ destination: '/data', source: '/srv/data' }],
  cgroupRoots: [{ controller: 'memory', path: '/web' }], joinNamespaces: [{ type: 'ipc', path: '/ns/ipc' }],
  inherited: [{ key: 'pipe:[7]', fd: 1 }], hasMasks: true,
}

const checkpoint = (options: Partial<CheckpointOptions> = {}, more: Partial<CheckpointFacts> = {}) =>
  checkpointRequest({ imagePath: '/c', ...options }, { ...facts, ...more })
const restore = (options: Partial<RestoreOptions> = {}, more: Partial<RestoreFacts> = {}) =>
  restoreRequest({ imagePath: '/c', ...options }, { ...restoreFacts, ...more })

/** Without the fields that are undefined. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('a checkpoint', () => {
  test('without an option', () => {
    expect(plain(checkpoint())).toEqual({
      type: 1,
      options: {
        imagesDirFd: 20, logLevel: 4, logFile: 'dump.log', root: '/srv/web/rootfs', notifyScripts: true, manageCgroups: true,
        manageCgroupsMode: 6, emptyNamespaces: 0x40000000, orphanPtsMaster: true, pid: 42, external: [],
        leaveRunning: false, tcpEstablished: false, tcpSkipInFlight: false, extUnixSk: false, shellJob: false, fileLocks: false,
        linkRemap: false, lazyPages: false, autoDedup: false,
        externalMounts: [{ key: '/data', val: '/data' }, { key: '/proc/kcore', val: '/dev/null' }],
      },
    })
  })

  test.each([
    'leaveRunning', 'tcpEstablished', 'tcpSkipInFlight', 'extUnixSk', 'shellJob', 'fileLocks', 'linkRemap', 'lazyPages', 'autoDedup',
  ] as const)('%s', (name) => {
    const { options } = checkpoint({ [name]: true })
    expect(options).toEqual({ ...checkpoint().options, [name]: true })
  })

  test.each([['soft', 3], ['full', 4], ['strict', 5], ['ignore', 0]] as const)('manageCgroupsMode %s', (manageCgroupsMode, number) => {
    expect(checkpoint({ manageCgroupsMode }).options).toMatchObject({ manageCgroups: true, manageCgroupsMode: number })
  })

  test.each([['iptables', 1], ['nftables', 2], ['skip', 3]] as const)('networkLock %s', (networkLock, number) => {
    expect(checkpoint({ networkLock }).options).toMatchObject({ networkLock: number })
  })

  test('preDump: memory only', () => {
    const { type, options } = checkpoint({ preDump: true })
    expect([type, options?.externalMounts]).toEqual([4, undefined])
  })

  test('parentPath: what has changed since', () => {
    expect(checkpoint({ parentPath: '../before' }).options).toMatchObject({ parentImage: '../before', trackMemory: true })
    expect(checkpoint().options).not.toHaveProperty('trackMemory')
  })

  test('pageServer, the freezer, the status descriptor of an old criu, the work directory, a config file, namespaces of others', () => {
    const more = { freezer: '/sys/fs/cgroup/freezer/web', statusFd: 9, workDirFd: 22, configFile: '/etc/criu/x.conf', namespaces: ['net[1]:extRootNetNS'] }
    expect(checkpoint({ pageServer: { address: '::1', port: 7 } }, more).options).toMatchObject({
      pageServer: { address: '::1', port: 7 }, freezeCgroup: more.freezer, statusFd: 9, workDirFd: 22, configFile: more.configFile, external: more.namespaces,
    })
  })
})

describe('a restore', () => {
  test('without an option', () => {
    expect(plain(restore())).toEqual({
      type: 2,
      options: {
        imagesDirFd: 21, logLevel: 4, logFile: 'restore.log', root: '/run/nrunc/web/criu-root', notifyScripts: true,
        manageCgroups: true, manageCgroupsMode: 6, emptyNamespaces: 0x40000000, orphanPtsMaster: true,
        tcpEstablished: false, extUnixSk: false, shellJob: false, fileLocks: false, lazyPages: false, autoDedup: false,
        evasiveDevices: true, restoreSibling: true, externalMounts: [{ key: '/data', val: '/srv/data' }, { key: '/dev/null', val: '/dev/null' }],
        cgroupRoots: [{ controller: 'memory', path: '/web' }], joinNamespaces: [{ type: 'ipc', path: '/ns/ipc' }],
        inheritFd: [{ key: 'pipe:[7]', fd: 1 }],
      },
    })
  })

  test.each(['tcpEstablished', 'tcpClose', 'extUnixSk', 'shellJob', 'fileLocks', 'lazyPages', 'autoDedup'] as const)('%s', (name) => {
    expect(restore({ [name]: true }).options).toEqual({ ...restore().options, [name]: true })
  })

  test('lsmProfile and lsmMountContext; empty ones are none', () => {
    expect(restore({ lsmProfile: 'apparmor:x', lsmMountContext: 'y' }).options).toMatchObject({ lsmProfile: 'apparmor:x', lsmMountContext: 'y' })
    expect(plain(restore({ lsmProfile: '', lsmMountContext: '' }))).toEqual(plain(restore()))
  })

  test('/dev/null is there once, and only for masks or as a device', () => {
    expect(restore({}, { hasMasks: false }).options?.externalMounts).toEqual([{ key: '/data', val: '/srv/data' }])
    const mounts = [{ destination: '/dev/null', source: '/dev/null' }]
    expect(restore({}, { mounts }).options?.externalMounts).toEqual([{ key: '/dev/null', val: '/dev/null' }])
  })
})
