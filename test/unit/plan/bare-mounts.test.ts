import { describe, expect, test } from 'vitest'
import { takesBareMounts } from '../../../lib/plan/bare-mounts.ts'
import { MS } from '../../../lib/plan/mount-flags.ts'
import { NO_SLOT } from '../../../lib/plan/operations.ts'
import type { Mount } from '../../../lib/spec/schema.ts'
import { hostOf, v1, v2 } from '../cgroup/samples.ts'
import { all, contextOf, only, phases, planOf, specOf, user } from './samples.ts'

const bind = (more: Partial<Mount> = {}): Mount => ({ destination: '/a', source: 'data', options: ['rbind'], ...more })
const bare = { bareMounts: true }
const takes = (changes: Parameters<typeof specOf>[0] = {}, surroundings = {}): boolean => {
  const spec = specOf(changes)
  return takesBareMounts(spec, contextOf(spec, { bareMounts: true, ...surroundings }))
}
const hook = [{ path: '/bin/true' }]

describe('a container is the same with bare mounts', () => {
  test.each([
    ['by default', {}], ['with bind mounts', { '/mounts': [bind(), bind({ source: '/srv/web/rootfs2' })] }],
    ['with a remount', { '/mounts': [bind(), { destination: '/a', options: ['remount', 'ro'] }] }],
    ['with hooks that run later', { '/hooks': { startContainer: hook, poststart: hook, poststop: hook } }],
    ['with rprivate', { '/linux/rootfsPropagation': 'rprivate' }],
  ])('%s', (_, changes) => {
    expect(takes(changes)).toBe(true)
  })
})

describe('it is not', () => {
  test.each([
    ['without a mount namespace', { '/hostname': undefined, '/linux/maskedPaths': undefined, '/linux/readonlyPaths': undefined, '/mounts': undefined, '/linux/namespaces': [{ type: 'pid' }] }],
    ['in one that is joined', { '/hostname': undefined, '/linux/namespaces': [{ type: 'mount', path: '/m' }] }],
    ['in a user namespace', { '/hostname': undefined, '/linux/namespaces': [{ type: 'mount' }, { type: 'user', path: '/u' }] }],
    ['with a hook in the namespace of the runtime', { '/hooks': { createRuntime: hook } }],
    ['with a prestart hook', { '/hooks': { prestart: hook } }],
    ['with a hook that is executed before the pivot', { '/hooks': { createContainer: hook } }],
    ['where its mounts reach the host', { '/linux/rootfsPropagation': 'rshared' }],
    ['where only its root is a slave', { '/linux/rootfsPropagation': 'slave' }],
    ['with a device of the host', { '/mounts': [{ destination: '/a', type: 'ext4', source: '/dev/sdb' }] }],
    ['with a source inside the root file system', { '/mounts': [bind({ source: 'rootfs/etc' })] }],
    ['with as many trees as a message has room for', { '/mounts': Array.from({ length: 64 }, (_, i) => bind({ destination: `/a${i}` })) }],
  ])('%s', (_, changes) => {
    expect(takes(changes)).toBe(false)
  })

  test('for an ordinary user, with noPivot, or with functions as hooks', () => {
    expect([{ host: user }, { noPivot: true }, { awaitRuntimeHooks: true }].map((one) => takes({}, one))).toEqual([false, false, false])
  })
})

test('only who asks for them gets them', () => {
  expect(takes({}, { bareMounts: false })).toBe(false)
  expect(only(planOf().host, 'clone').bare).toBe(0)
  expect(phases(planOf().host)).not.toContain('openTree')
  expect(only(planOf({ '/linux/rootfsPropagation': 'shared' }, bare).host, 'clone').bare).toBe(0)
})

test('the host opens what init would look up there, before the clone', () => {
  const { host, init } = planOf({ '/linux/rootfsPropagation': 'rprivate', '/mounts': [bind(), { destination: '/b', type: 'tmpfs' }, bind({ destination: '/c', options: ['bind'] })] }, bare)
  expect(all(host, 'openTree')).toEqual([
    { op: 'openTree', field: '/root/path', source: '/srv/web/rootfs', recursive: 1, propagation: MS.PRIVATE, root: 1 },
    { op: 'openTree', field: '/mounts/0', source: '/srv/web/data', recursive: 1, propagation: MS.PRIVATE, root: 0 },
    { op: 'openTree', field: '/mounts/2', source: '/srv/web/data', recursive: 0, propagation: MS.PRIVATE, root: 0 },
  ])
  expect(phases(host).indexOf('openTree')).toBeLessThan(phases(host).indexOf('clone'))
  expect(only(host, 'clone').bare).toBe(1)
  const slot = only(init, 'attachRoot').tree
  expect(host.filter(({ op }) => op === 'openDescriptor' || op === 'openTree')[slot - 3]).toMatchObject({ field: '/root/path' })
  expect(all(init, 'bindMount').map(({ tree }) => tree)).toEqual([slot + 1, slot + 2])
  expect(phases(init)).not.toContain('openRoot')
})

test('an idmapped mount keeps its maps', () => {
  const ids = [{ containerID: 0, hostID: 5, size: 10 }]
  const { host, init } = planOf({ '/mounts': [bind({ uidMappings: ids, gidMappings: ids }), bind()] }, bare)
  expect(all(host, 'openTree').map(({ field }) => field)).toEqual(['/root/path', '/mounts/1'])
  expect(only(host, 'openMappedTree').field).toBe('/mounts/0')
  const { tree } = only(init, 'attachRoot')
  expect(all(init, 'bindMount').map((one) => one.tree)).toEqual([tree + 1, tree + 2])
})

describe('cgroups', () => {
  const mounts = [{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] }, bind()]

  test('that are bound come as trees, a slot for each hierarchy', () => {
    const { host, init } = planOf({ '/mounts': mounts }, { ...bare, cgroupHost: hostOf(v1) })
    const bound = all(init, 'bindMount')
    const trees = all(host, 'openTree')
    expect(bound.length).toBeGreaterThan(2)
    expect(trees.slice(1).map(({ source }) => source)).toEqual(bound.map(({ source }) => source))
    expect(bound.map(({ tree }) => tree)).toEqual(bound.map((_, index) => only(init, 'attachRoot').tree + 1 + index))
  })

  test('that are mounted afresh need none', () => {
    const namespaces = [{ type: 'mount' }, { type: 'cgroup' }]
    const { host, init } = planOf({ '/hostname': undefined, '/linux/namespaces': namespaces, '/mounts': mounts }, { ...bare, cgroupHost: hostOf(v2) })
    expect(all(host, 'openTree').map(({ field }) => field)).toEqual(['/root/path', '/mounts/1'])
    expect(all(init, 'bindMount').every(({ tree }) => tree !== NO_SLOT)).toBe(true)
  })
})
