import { describe, expect, test } from 'vitest'
import { NO_SLOT } from '../../../lib/plan/operations.ts'
import { rootfsPath } from '../../../lib/plan/rootfs.ts'
import { thrown } from '../spec/helpers.ts'
import { all, only, phases, planOf, specOf } from './samples.ts'

const noMounts = {
  '/linux/namespaces': [{ type: 'uts' }], '/mounts': [], '/linux/maskedPaths': [], '/linux/readonlyPaths': [],
  '/root/readonly': false, '/process/terminal': false,
}

describe('the root', () => {
  test.each([
    ['rootfs', '/srv/web/rootfs'], ['./a/../b/', '/srv/web/b'], ['../shared', '/srv/shared'],
    ['/var/lib/root', '/var/lib/root'], ['/', '/'],
  ])('%s lies at %s', (path, expected) => {
    expect(rootfsPath(specOf({ '/root/path': path }), '/srv/web')).toBe(expected)
    const { init } = planOf({ '/root/path': path })
    expect(only(init, 'openRoot')).toEqual({ op: 'openRoot', field: '/root/path', path: expected, bind: 1 })
    expect(only(init, 'pivotRoot')).toEqual({ op: 'pivotRoot', field: '/root/path', path: expected })
  })

  test('nothing that is mounted reaches the host: the tree is made slave first', () => {
    const { init } = planOf()
    expect(only(init, 'setPropagation').flags).toBe(0x80000 | 0x4000)
    expect(init.findIndex(({ op }) => op === 'setPropagation'))
      .toBeLessThan(init.findIndex(({ op }) => op === 'openRoot'))
  })

  test('noPivot moves it instead', () => {
    const { init } = planOf({}, { noPivot: true })
    expect(phases(init)).not.toContain('pivotRoot')
    expect(only(init, 'moveRoot').path).toBe('/srv/web/rootfs')
  })

  test('read-only, when it is asked for, after the change of root', () => {
    const { init } = planOf({ '/root/readonly': true })
    expect(phases(init).indexOf('remountRootReadonly')).toBe(phases(init).indexOf('pivotRoot') + 1)
    expect(only(init, 'remountRootReadonly').field).toBe('/root/readonly')
    expect(phases(planOf({ '/root/readonly': false }).init)).not.toContain('remountRootReadonly')
  })

  test.each([
    ['private', 0x40000], ['rprivate', 0x44000], ['shared', 0x100000], ['rshared', 0x104000], ['slave', 0x80000],
    ['rslave', 0x84000],
    ['unbindable', 0x20000], ['runbindable', 0x24000],
  ])('rootfsPropagation %s is set after the change of root, before it is read-only', (name, flags) => {
    const { init } = planOf({ '/linux/rootfsPropagation': name })
    // The tree has it from the start: what is bound from a shared mount stays its peer.
    expect(only(init, 'setPropagation')).toEqual({ op: 'setPropagation', field: '/linux/rootfsPropagation', flags })
    expect(only(init, 'rootPropagation')).toEqual({ op: 'rootPropagation', field: '/linux/rootfsPropagation', flags })
    const order = phases(init)
    expect(order.slice(order.indexOf('pivotRoot')).slice(0, 3)).toEqual([
      'pivotRoot', 'rootPropagation', 'remountRootReadonly',
    ])
  })

  test.each(['', undefined])('rootfsPropagation %j changes nothing', (name) => {
    const { init } = planOf({ '/linux/rootfsPropagation': name })
    expect(phases(init)).not.toContain('rootPropagation')
    expect(only(init, 'setPropagation').flags).toBe(0x84000)
  })
})

describe('masked and read-only paths', () => {
  test('each with its pointer, in the order of the config, before the change of root', () => {
    const { init } = planOf({
      '/mounts': [], '/linux/maskedPaths': ['/proc/keys', '/sys/firmware'], '/linux/readonlyPaths': ['/proc/sys'],
    })
    expect([...all(init, 'maskPath'), ...all(init, 'readonlyPath')]).toEqual([
      { op: 'maskPath', field: '/linux/maskedPaths/0', path: '/proc/keys', label: '', mount: NO_SLOT, inside: '/proc/keys' },
      { op: 'maskPath', field: '/linux/maskedPaths/1', path: '/sys/firmware', label: '', mount: NO_SLOT, inside: '/sys/firmware' },
      { op: 'readonlyPath', field: '/linux/readonlyPaths/0', path: '/proc/sys', mount: NO_SLOT, inside: '/proc/sys' },
    ])
    const order = phases(init)
    expect(order.slice(order.indexOf('maskPath')).slice(0, 3)).toEqual(['maskPath', 'readonlyPath', 'pivotRoot'])
  })
})

describe('sysctl', () => {
  test('goes through the host\'s proc, and its pointer is escaped', () => {
    const { init } = planOf({
      '/linux/sysctl': {
        'net.ipv4.ip_forward': '1', 'net/ipv4/conf/eno2.100/rp_filter': '2', 'net.ipv4.conf.eno2/100.rp_filter': '0',
      },
    })
    expect(all(init, 'writeProc')).toEqual([
      { op: 'writeProc', field: '/linux/sysctl/net.ipv4.ip_forward', path: 'sys/net/ipv4/ip_forward', value: '1' },
      {
        op: 'writeProc', field: '/linux/sysctl/net~1ipv4~1conf~1eno2.100~1rp_filter',
        path: 'sys/net/ipv4/conf/eno2.100/rp_filter', value: '2',
      },
      {
        op: 'writeProc', field: '/linux/sysctl/net.ipv4.conf.eno2~1100.rp_filter',
        path: 'sys/net/ipv4/conf/eno2.100/rp_filter', value: '0',
      },
    ])
  })
})

describe('without a mount namespace', () => {
  test('the root is changed with chroot alone: mounts would be the host\'s', () => {
    const { init } = planOf(noMounts)
    expect(only(init, 'openRoot')).toMatchObject({ path: '/srv/web/rootfs', bind: 0 })
    expect(only(init, 'changeRoot').field).toBe('/root/path')
    for (const op of [
      'setPropagation', 'mount', 'bindMount', 'makeDevice', 'makeSymlink', 'console', 'maskPath', 'readonlyPath',
      'pivotRoot', 'moveRoot', 'remountRootReadonly',
    ] as const) {
      expect(phases(init)).not.toContain(op)
    }
  })

  test.each([
    ['/mounts', { '/mounts': [{ destination: '/a', type: 'tmpfs' }] }], ['/root/readonly', { '/root/readonly': true }],
    ['/process/terminal', { '/process/terminal': true }],
  ])('%s is refused', (field, more) => {
    expect(thrown(() => planOf({ ...noMounts, ...more }))).toMatchObject({
      code: 'ERR_CONFIG_INVALID', field, message: `${field} needs a mount namespace`,
    })
  })
})
