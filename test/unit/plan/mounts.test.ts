import { describe, expect, test } from 'vitest'
import { MOUNT_ATTR, MS } from '../../../lib/plan/mount-flags.ts'
import type { Mount } from '../../../lib/spec/schema.ts'
import { NO_SLOT } from '../../../lib/plan/operations.ts'
import { thrown } from '../spec/helpers.ts'
import { all, only, type Of, phases, planOf } from './samples.ts'

const planned = (...mounts: Mount[]) => planOf({ '/mounts': mounts }).init
const bound = (...options: string[]): Of<'bindMount'> =>
  only(planned({ destination: '/data', source: '/host/data', options: ['bind', ...options] }), 'bindMount')
const mounted = (...options: string[]): Of<'mount'> =>
  only(planned({ destination: '/data', type: 'tmpfs', source: 'none', options }), 'mount')

describe('a file system', () => {
  test('is mounted with its flags, its data and the pointer of its entry', () => {
    expect(mounted('nosuid', 'ro', 'size=1m', 'mode=700')).toEqual({
      op: 'mount', field: '/mounts/0', destination: '/data', source: 'none', type: 'tmpfs',
      flags: MS.NOSUID | MS.RDONLY,
      data: 'size=1m,mode=700', propagation: [], ordinaryDirectory: 0, allowProc: 0,
      copyUp: 0,
    })
  })

  test('the source defaults to the type, the type to none', () => {
    expect(
      all(planned({ destination: '/a', type: 'mqueue' }, { destination: '/b', options: ['remount', 'ro'] }), 'mount'),
    )
      .toMatchObject([
        { source: 'mqueue', type: 'mqueue' }, { source: 'none', type: 'none', flags: MS.REMOUNT | MS.RDONLY },
      ])
  })

  test.each(['proc', 'sysfs'])('CVE-2023-27561: %s wants an ordinary directory, not a link', (type) => {
    const destination = type === 'proc' ? '/proc' : '/sys'
    expect(only(planned({ destination, type, source: type }), 'mount').ordinaryDirectory).toBe(1)
  })

  test('mounts keep the order of the config, and each has the pointer of its own entry', () => {
    const list = planned(
      { destination: '/b', type: 'tmpfs' }, { destination: '/a', source: '/x', options: ['rbind'] },
      { destination: '/b/c', type: 'tmpfs' })
    expect(list.flatMap((one) => ('destination' in one ? [`${one.op} ${one.destination} ${one.field}`] : [])))
      .toEqual(['mount /b /mounts/0', 'bindMount /a /mounts/1', 'mount /b/c /mounts/2'])
  })

  test('propagation is set in the order in which it is given', () => {
    expect(mounted('rprivate', 'shared').propagation).toEqual([MS.PRIVATE | MS.REC, MS.SHARED])
    expect(mounted().propagation).toEqual([])
  })

  test('recursive attributes are not lost: nothing is below a new mount', () => {
    expect(mounted('rro', 'rnosuid').flags).toBe(MS.RDONLY | MS.NOSUID)
  })
})

describe('a bind mount', () => {
  test('is bind or rbind in its options, never its type', () => {
    expect(phases(planned({ destination: '/a', type: 'bind', source: '/x' }))).not.toContain('bindMount')
    expect(bound().recursive).toBe(0)
    expect(only(planned({ destination: '/a', source: '/x', type: 'tmpfs', options: ['rbind'] }), 'bindMount').recursive)
      .toBe(1)
  })

  test('a relative source is relative to the bundle', () => {
    const source = (path: string) =>
      only(planned({ destination: '/a', source: path, options: ['bind'] }), 'bindMount').source
    expect(source('files/a')).toBe('/srv/web/files/a')
    expect(source('../b')).toBe('/srv/b')
    expect(source('/host//c/')).toBe('/host/c')
  })

  test('its options are attributes: of the mount, of its tree, and what is cleared', () => {
    expect(bound('ro', 'noexec', 'dev', 'rnosuid', 'rdev', 'rslave')).toEqual({
      op: 'bindMount', field: '/mounts/0', destination: '/data', source: '/host/data', tree: NO_SLOT, recursive: 0,
      set: MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOEXEC, clear: MOUNT_ATTR.NODEV,
      recursiveSet: MOUNT_ATTR.NOSUID, recursiveClear: MOUNT_ATTR.NODEV, propagation: [MS.SLAVE | MS.REC], allowProc: 0,
    })
  })

  test.each([
    ['noatime', MOUNT_ATTR.NOATIME], ['strictatime', MOUNT_ATTR.STRICTATIME], ['relatime', 0], ['atime', 0],
  ])('%s replaces the whole field of times', (option, set) => {
    expect(bound(option)).toMatchObject({ set, clear: MOUNT_ATTR.ATIME })
  })

  test('a remount changes the mount that is there, instead of binding the bundle over it', () => {
    const list = planned({ destination: '/data', options: ['remount', 'bind', 'ro', 'nosuid'] })
    expect(only(list, 'remountBind')).toEqual({
      op: 'remountBind', field: '/mounts/0', destination: '/data', mount: NO_SLOT, inside: '/data', set: MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID,
      clear: MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC | MOUNT_ATTR.NODIRATIME | MOUNT_ATTR.NOSYMFOLLOW, mustClear: 0,
      recursiveSet: 0, recursiveClear: 0, propagation: [],
    })
    expect(only(planned({ destination: '/data', options: ['remount', 'bind', 'rw'] }), 'remountBind').mustClear)
      .toBe(MOUNT_ATTR.RDONLY)
  })
})

describe('/dev', () => {
  test.each(['/dev', '/dev/', '//dev', 'dev'])('read-only, as %s: only after the devices are made', (destination) => {
    const list = planned({ destination, type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'ro', 'mode=755'] })
    expect(only(list, 'mount').flags).toBe(MS.NOSUID)
    expect(only(list, 'remount')).toEqual({
      op: 'remount', field: '/mounts/0', destination, flags: MS.NOSUID | MS.RDONLY, data: 'mode=755',
      mount: only(list, 'keepMount').slot, inside: '',
    })
    const order = phases(list)
    expect(order.indexOf('remount')).toBeGreaterThan(order.lastIndexOf('makeSymlink'))
    expect(order.indexOf('remount')).toBeGreaterThan(order.indexOf('console'))
    expect(order.indexOf('remount')).toBeLessThan(order.indexOf('pivotRoot'))
  })

  test.each(['/dev', '/dev/', 'dev'])('of the host, bound as %s: its nodes are not ours to make', (destination) => {
    const list = planned({ destination, source: '/dev', options: ['rbind'] })
    expect(phases(list)).not.toContain('makeDevice')
    expect(phases(list)).not.toContain('makeSymlink')
  })

  test('writable: nothing is remounted', () => {
    expect(phases(planned({ destination: '/dev', type: 'tmpfs' }))).not.toContain('remount')
  })

  test('a bind of something inside it leaves the devices to us', () => {
    expect(phases(planned({ destination: '/dev/net', source: '/dev/net', options: ['bind'] }))).toContain('makeDevice')
  })
})

describe('CVE-2019-16884: what may be mounted on /proc', () => {
  const inside = (mount: Mount) => thrown(() => planned({ destination: '/tmp', type: 'tmpfs' }, mount))
  const words = (destination: string) =>
    `${JSON.stringify(destination)} cannot be mounted because it is inside /proc (field /mounts/1)`

  test.each([
    '/proc/self', '/proc/sys/kernel', 'proc/1', '/proc/../proc/sys', '//proc/./acpi', '/proc/..hidden', '/proc/net',
    '/proc/cpuinfo/x',
  ])('not %s', (destination) => {
    expect(inside({ destination, source: '/x', options: ['bind'] })).toMatchObject({
      code: 'ERR_CONFIG_INVALID', field: '/mounts/1/destination', operand: destination, message: words(destination),
    })
    expect(inside({ destination, type: 'tmpfs' }).field).toBe('/mounts/1/destination')
  })

  test.each([
    '/proc/cpuinfo', '/proc/diskstats', '/proc/meminfo', '/proc/stat', '/proc/swaps', '/proc/uptime', '/proc/loadavg',
    '/proc/slabinfo', '/proc/net/dev', '/proc/sys/kernel/ns_last_pid', '/proc/sys/crypto/fips_enabled',
  ])('%s, which lxcfs and others serve', (destination) => {
    expect(only(planned({ destination, source: '/x', options: ['bind'] }), 'bindMount').destination).toBe(destination)
  })

  test.each<Mount>([
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/proc', source: '/proc', options: ['rbind'] },
    { destination: '/proc/', source: '/proc/', options: ['rbind'] },
    { destination: '/proc', options: ['remount', 'bind', 'ro'] },
    { destination: '/process', type: 'tmpfs' }, { destination: '/a/proc/self', type: 'tmpfs' },
  ])('%j', (mount) => {
    expect(planned(mount).some((one) => 'destination' in one && one.destination === mount.destination)).toBe(true)
  })

  test.each<Mount>([
    { destination: '/proc', type: 'tmpfs', source: 'tmpfs' },
    { destination: '/proc', source: '/fake/proc', options: ['bind'] },
  ])('not %j: it would be taken for proc', (mount) => {
    expect(inside(mount)).toMatchObject({
      code: 'ERR_CONFIG_INVALID', field: '/mounts/1/destination',
      message: '"/proc" cannot be mounted because it is not of type proc (field /mounts/1)',
    })
  })
})

describe('cgroup', () => {
  test('a mount of this type becomes those of the hierarchies, all with the pointer of the entry', () => {
    const list = planned(
      { destination: '/tmp', type: 'tmpfs' }, { destination: '/sys/fs/cgroup', type: 'cgroup', options: ['ro'] },
    )
    const made = list.filter(({ field }) => field === '/mounts/1')
    expect(phases(made)).toEqual(['mount', 'keepMount', 'bindMount', 'makeSymlink', 'bindMount', 'makeSymlink', 'remount'])
  })

  test.each([
    [[{ type: 'mount' }], 'bindMount'], [[{ type: 'mount' }, { type: 'cgroup' }], 'mount'],
    [[{ type: 'mount' }, { type: 'cgroup', path: '/proc/7/ns/cgroup' }], 'mount'],
  ])('with the namespaces %j by %s', (namespaces, op) => {
    const list = planOf({
      '/linux/namespaces': namespaces, '/hostname': undefined,
      '/mounts': [{ destination: '/sys/fs/cgroup', type: 'cgroup' }],
    }).init
    expect(list.some((one) => one.op === op && 'destination' in one && one.destination === '/sys/fs/cgroup/memory'))
      .toBe(true)
  })

  test('in a user namespace a joined cgroup namespace is the host\'s, and gives no right to mount', () => {
    const list = planOf({
      '/hostname': undefined, '/linux/uidMappings': [{ containerID: 0, hostID: 1000, size: 10 }],
      '/linux/gidMappings': [{ containerID: 0, hostID: 1000, size: 10 }],
      '/linux/namespaces': [{ type: 'mount' }, { type: 'user' }, { type: 'cgroup', path: '/proc/7/ns/cgroup' }],
      '/mounts': [{ destination: '/sys/fs/cgroup', type: 'cgroup' }],
    }).init
    expect(all(list, 'bindMount').length).toBeGreaterThan(0)
  })
})
