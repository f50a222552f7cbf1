import { describe, expect, test } from 'vitest'
import { cloneFlags, namespaceFlags, planNamespaces } from '../../../lib/plan/namespaces.ts'
import type { Operation } from '../../../lib/plan/operations.ts'
import { all, only, phases, planOf, root, type Surroundings, user } from './samples.ts'

const maps = (hostID: number, size: number) => ({
  '/linux/uidMappings': [{ containerID: 0, hostID, size }],
  '/linux/gidMappings': [{ containerID: 0, hostID: hostID + 1, size }],
})
/** Nothing of the default spec that needs a namespace. */
const bare = {
  '/hostname': undefined, '/linux/maskedPaths': [], '/linux/readonlyPaths': [], '/mounts': [], '/root/readonly': false,
  '/process/terminal': false,
}
const planned = (namespaces: object[], more = {}, surroundings: Surroundings = {}) =>
  planOf({ ...bare, '/linux/namespaces': namespaces, ...more }, surroundings)

test('the flags are those of clone(2)', () => {
  expect(namespaceFlags).toEqual({
    time: 0x80, mount: 0x20000, cgroup: 0x2000000, uts: 0x4000000, ipc: 0x8000000, user: 0x10000000, pid: 0x20000000,
    network: 0x40000000,
  })
})

test('the flags of the clone are known before there is a plan', () => {
  const types = Object.keys(namespaceFlags) as (keyof typeof namespaceFlags)[]
  for (let chosen = 0; chosen < 3 ** types.length; chosen++) {
    const list = types.flatMap((type, at) =>
      [[], [{ type }], [{ type, path: '/proc/1/ns/x' }]][Math.floor(chosen / 3 ** at) % 3]!)
    const spec = { ociVersion: '1.0.0', root: { path: 'rootfs' }, linux: { namespaces: list } }
    expect(cloneFlags(spec)).toBe(planNamespaces(spec, root, 0).flags)
  }
})

describe('new namespaces', () => {
  test('come with the clone', () => {
    const plan = planned([
      { type: 'pid' }, { type: 'network' }, { type: 'ipc', path: '' }, { type: 'uts' }, { type: 'mount' },
    ])
    expect(only(plan.host, 'clone')).toEqual({ op: 'clone', field: '/linux/namespaces', flags: 0x6c020000, cgroup: '', bare: 0 })
    expect(phases(plan.init)).not.toContain('unshare')
  })

  test('but for the cgroup namespace, whose root is the cgroup in which it is made', () => {
    const plan = planned([{ type: 'cgroup' }, { type: 'mount' }])
    expect(only(plan.host, 'clone').flags).toBe(0x20000)
    expect(only(plan.init, 'unshare')).toEqual({ op: 'unshare', field: '/linux/namespaces/0', flags: 0x2000000 })
    const order = phases(plan.init)
    expect(order.indexOf('unshare')).toBeGreaterThan(order.lastIndexOf('joinCgroup'))
  })

  test('none at all: nothing is cloned, and the field is the whole document', () => {
    const plan = planned([], { '/linux/namespaces': undefined })
    expect(only(plan.host, 'clone')).toMatchObject({ flags: 0, field: '' })
  })

  test('only a new network namespace gets its loopback interface', () => {
    expect(only(planned([{ type: 'mount' }, { type: 'network' }]).init, 'loopbackUp').field).toBe('/linux/namespaces/1')
    expect(phases(planned([{ type: 'mount' }]).init)).not.toContain('loopbackUp')
    expect(phases(planned([{ type: 'mount' }, { type: 'network', path: '/run/netns/a' }]).init))
      .not.toContain('loopbackUp')
  })

  test('names of the uts namespace', () => {
    const plan = planned([{ type: 'uts' }, { type: 'mount' }], { '/hostname': 'web', '/domainname': 'example.org' })
    expect(plan.init.filter(({ op }) => op.startsWith('set') && op.endsWith('name'))).toEqual([
      { op: 'setHostname', field: '/hostname', name: 'web' },
      { op: 'setDomainname', field: '/domainname', name: 'example.org' },
    ])
    expect(phases(planned([{ type: 'uts' }, { type: 'mount' }], { '/hostname': '' }).init)).not.toContain('setHostname')
  })
})

describe('joined namespaces', () => {
  const joined = [
    { type: 'mount', path: '/proc/7/ns/mnt' }, { type: 'pid', path: '/proc/7/ns/pid' },
    { type: 'user', path: '/proc/7/ns/user' },
    { type: 'network', path: '/run/netns/a' }, { type: 'ipc', path: '/proc/7/ns/ipc' },
  ]

  test('are opened by the host before the clone, with the type that each must have', () => {
    const { host } = planned(joined)
    const opened = all(host, 'openDescriptor').filter(({ type }) => type !== 0)
    expect(opened.map(({ path, type, flags, field }) => [path, type, flags, field])).toEqual([
      ['/proc/7/ns/ipc', 0x8000000, 0, '/linux/namespaces/4/path'],
      ['/run/netns/a', 0x40000000, 0, '/linux/namespaces/3/path'],
      ['/proc/7/ns/pid', 0x20000000, 0, '/linux/namespaces/1/path'],
      ['/proc/7/ns/mnt', 0x20000, 0, '/linux/namespaces/0/path'],
      ['/proc/7/ns/user', 0x10000000, 0, '/linux/namespaces/2/path'],
    ])
    expect(phases(host).indexOf('clone')).toBeGreaterThan(phases(host).lastIndexOf('openDescriptor'))
    expect(only(host, 'clone').flags).toBe(0)
  })

  test('are entered by init in the same order; root enters the user namespace last, which may not own the others',
    () => {
    expect(all(planned(joined).init, 'enterNamespace').map(({ path }) => path))
      .toEqual(['/proc/7/ns/ipc', '/run/netns/a', '/proc/7/ns/pid', '/proc/7/ns/mnt', '/proc/7/ns/user'])
  })

  test('by an ordinary user the user namespace first: it gives the right to join the others', () => {
    expect(all(planned(joined, {}, { host: user }).init, 'enterNamespace').map(({ path }) => path))
      .toEqual(['/proc/7/ns/user', '/proc/7/ns/ipc', '/run/netns/a', '/proc/7/ns/pid', '/proc/7/ns/mnt'])
  })

  test('each by the descriptor that the host opened for it', () => {
    const plan = planned(joined, {}, { descriptors: { count: 5, stdio: [0, 1, 2], preserved: [] } })
    const opened = all(plan.host, 'openDescriptor')
    for (const { descriptor, path, flags } of all(plan.init, 'enterNamespace')) {
      expect(opened[descriptor - 5]).toMatchObject({ path, type: flags })
    }
  })

  test('a pid namespace holds only children: init forks into it', () => {
    expect(only(planned([{ type: 'mount' }, { type: 'pid', path: '/p' }]).init, 'fork').field)
      .toBe('/linux/namespaces/1')
    expect(phases(planned([{ type: 'mount' }, { type: 'pid' }]).init)).not.toContain('fork')
  })

  test('with a joined user namespace new ones are made by init, so that they belong to it', () => {
    const plan = planned([{ type: 'user', path: '/u' }, { type: 'pid' }, { type: 'mount' }, { type: 'cgroup' }])
    expect(only(plan.host, 'clone').flags).toBe(0)
    expect(all(plan.init, 'unshare').map(({ flags, field }) => [flags, field])).toEqual([
      [0x20000000, '/linux/namespaces/1'], [0x20000, '/linux/namespaces/2'], [0x2000000, '/linux/namespaces/3'],
    ])
    expect(
      phases(plan.init).filter((op) => ['enterNamespace', 'becomeRoot', 'unshare', 'fork', 'newSession'].includes(op)),
    )
      .toEqual(['enterNamespace', 'becomeRoot', 'unshare', 'fork', 'newSession'])
    expect(phases(plan.host)).not.toContain('mapIds')
  })
})

describe('a new user namespace beside joined ones', () => {
  test('is made after them by init, which has lost the right to join them then; and all new ones after it', () => {
    const plan = planned(
      [{ type: 'user' }, { type: 'network', path: '/n' }, { type: 'pid' }, { type: 'mount' }], maps(1000, 10),
    )
    expect(only(plan.host, 'clone').flags).toBe(0)
    expect(phases(plan.host)).not.toContain('mapIds')
    expect(only(plan.init, 'newUserNamespace')).toEqual({
      op: 'newUserNamespace', field: '/linux/namespaces/0', uidMap: '0 1000 10\n', gidMap: '0 1001 10\n',
    })
    expect(all(plan.init, 'unshare').map(({ flags }) => flags)).toEqual([0x20000000, 0x20000])
    const order = phases(plan.init)
    expect(order.slice(order.indexOf('enterNamespace'), order.indexOf('newSession')))
      .toEqual(['enterNamespace', 'newUserNamespace', 'becomeRoot', 'unshare', 'fork'])
  })
})

describe('a time namespace', () => {
  const offsets = { monotonic: { secs: -5, nanosecs: 7 }, boottime: { secs: 9223372036854775807n } }
  const steps = (plan: { init: readonly Operation[] }) => phases(plan.init).filter((op) =>
    ['openTimeOffsets', 'unshare', 'setTimeOffsets', 'fork', 'newSession', 'enterNamespace', 'becomeRoot'].includes(op))

  test('is made by init, and only its child is in it; the first process of a pid namespace is that child', () => {
    const plan = planned([{ type: 'time' }, { type: 'pid' }, { type: 'mount' }], { '/linux/timeOffsets': offsets })
    expect(only(plan.host, 'clone').flags).toBe(0x20000)
    expect(all(plan.init, 'unshare').map(({ flags, field }) => [flags, field]))
      .toEqual([[0x80, '/linux/namespaces/0'], [0x20000000, '/linux/namespaces/1']])
    expect(steps(plan)).toEqual(['openTimeOffsets', 'unshare', 'setTimeOffsets', 'fork', 'newSession'])
    expect(only(plan.init, 'setTimeOffsets')).toEqual({
      op: 'setTimeOffsets', field: '/linux/timeOffsets', offsets: 'monotonic -5 7\nboottime 9223372036854775807 0\n',
    })
  })

  test('without a pid namespace there is a child too', () => {
    expect(only(planned([{ type: 'time' }, { type: 'mount' }]).init, 'fork').field).toBe('/linux/namespaces/0')
  })

  test.each([undefined, {}])('with the offsets %j nothing is written', (value) => {
    const plan = planned([{ type: 'time' }, { type: 'mount' }], { '/linux/timeOffsets': value })
    expect(steps(plan)).toEqual(['unshare', 'fork', 'newSession'])
  })

  test('in a joined user namespace: the file is opened before', () => {
    const plan = planned([{ type: 'user', path: '/u' }, { type: 'time' }], { '/linux/timeOffsets': offsets })
    expect(steps(plan)).toEqual([
      'openTimeOffsets', 'enterNamespace', 'becomeRoot', 'unshare', 'setTimeOffsets', 'fork', 'newSession',
    ])
  })

  test('that is joined is entered without a child', () => {
    expect(steps(planned([{ type: 'time', path: '/t' }, { type: 'mount' }]))).toEqual(['enterNamespace', 'newSession'])
  })
})

describe('the ids of a new user namespace', () => {
  const mapped = (more: object, host = root) => {
    const plan = planned([{ type: 'user' }, { type: 'mount' }], more, { host })
    return { ...only(plan.host, 'mapIds'), plan }
  }

  test('are written by root, every range a line', () => {
    expect(mapped({
      '/linux/uidMappings': [
        { containerID: 0, hostID: 1000, size: 1 }, { containerID: 1, hostID: 100000, size: 65536 },
      ],
      '/linux/gidMappings': [{ containerID: 0, hostID: 4294967294, size: 1 }],
    })).toMatchObject({
      field: '/linux/uidMappings', uidMap: '0 1000 1\n1 100000 65536\n', gidMap: '0 4294967294 1\n', denySetgroups: 0,
      uidHelper: '', gidHelper: '',
    })
  })

  test('after the clone, and init becomes root in them before it makes anything', () => {
    const { plan } = mapped(maps(1000, 10))
    expect(phases(plan.host).slice(-2)).toEqual(['clone', 'mapIds'])
    expect(only(plan.init, 'becomeRoot').field).toBe('/linux/namespaces/0')
    expect(only(plan.host, 'clone').flags).toBe(0x10020000)
  })

  test('CVE-2014-8989: a user who maps its own ids is denied setgroups, and keeps its groups', () => {
    const one = mapped(maps(1000, 1), user)
    expect(one).toMatchObject({ denySetgroups: 1, uidHelper: '', gidHelper: '' })
    expect(only(one.plan.init, 'setUser').keepGroups).toBe(1)
  })

  test('a user who maps more needs the helpers, which may drop groups', () => {
    const one = mapped(maps(1000, 2), user)
    expect(one).toMatchObject({ denySetgroups: 0, uidHelper: '/usr/bin/newuidmap', gidHelper: '/usr/bin/newgidmap' })
    expect(only(one.plan.init, 'setUser').keepGroups).toBe(0)
  })

  test('the ids of somebody else need them too, and their absence shows in the name', () => {
    const bareUser = { uid: 5, gid: 5, openFilesHard: 1 }
    expect(mapped(maps(1000, 1), bareUser)).toMatchObject({
      denySetgroups: 0, uidHelper: 'newuidmap', gidHelper: 'newgidmap',
    })
  })

  test('each of the two for itself', () => {
    const mixed = {
      '/linux/uidMappings': [{ containerID: 0, hostID: 100000, size: 9 }],
      '/linux/gidMappings': [{ containerID: 0, hostID: 1001, size: 1 }],
    }
    expect(mapped(mixed, user)).toMatchObject({ uidHelper: '/usr/bin/newuidmap', gidHelper: '', denySetgroups: 1 })
  })

  test('root keeps no groups', () => {
    expect(only(mapped(maps(0, 1)).plan.init, 'setUser').keepGroups).toBe(0)
  })
})
