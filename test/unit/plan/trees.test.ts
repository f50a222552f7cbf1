import { describe, expect, test } from 'vitest'
import { MS } from '../../../lib/plan/mount-flags.ts'
import { NO_SLOT } from '../../../lib/plan/operations.ts'
import type { Mount } from '../../../lib/spec/schema.ts'
import { thrown } from '../spec/helpers.ts'
import { all, only, phases, planOf, user } from './samples.ts'

const ids = (hostID: number) => [{ containerID: 0, hostID, size: 10 }]
const mount = (more: Partial<Mount> = {}): Mount => ({ destination: '/a', source: 'data', options: ['rbind'], ...more })
const own = { uidMappings: ids(5), gidMappings: ids(6) }
const inUserNamespace = (path?: string) => ({
  '/hostname': undefined, '/linux/uidMappings': path === undefined ? ids(1000) : undefined,
  '/linux/gidMappings': path === undefined ? ids(1001) : undefined,
  '/linux/namespaces': [{ type: 'mount' }, path === undefined ? { type: 'user' } : { type: 'user', path }],
})

describe('the host makes the tree, before the clone', () => {
  test('with the maps of the mount', () => {
    const plan = planOf({ '/mounts': [mount(own)] })
    expect(only(plan.host, 'openMappedTree')).toEqual({
      op: 'openMappedTree', field: '/mounts/0', source: '/srv/web/data', recursive: 1, propagation: MS.SLAVE,
      recursiveMap: 0, userNamespace: '', uidMap: '0 5 10\n', gidMap: '0 6 10\n',
    })
    expect(phases(plan.host).indexOf('openMappedTree')).toBeLessThan(phases(plan.host).indexOf('clone'))
  })

  test('with those of the new user namespace, or in the one that is joined', () => {
    const bare = mount({ options: ['bind', 'ridmap'] })
    expect(only(planOf({ ...inUserNamespace(), '/mounts': [bare] }).host, 'openMappedTree'))
      .toMatchObject({ recursive: 0, recursiveMap: 1, userNamespace: '', uidMap: '0 1000 10\n', gidMap: '0 1001 10\n' })
    expect(only(planOf({ ...inUserNamespace('/u'), '/mounts': [bare] }).host, 'openMappedTree'))
      .toMatchObject({ userNamespace: '/u', uidMap: '', gidMap: '' })
    expect(only(planOf({ ...inUserNamespace('/u'), '/mounts': [mount(own)] }).host, 'openMappedTree'))
      .toMatchObject({ userNamespace: '', uidMap: '0 5 10\n' })
  })

  test.each([['rshared', MS.SHARED], ['rprivate', MS.PRIVATE], ['slave', 0], ['rslave', MS.SLAVE], ['', MS.SLAVE]])(
    'with rootfsPropagation %s as the mounts that init binds', (word, propagation) => {
      const plan = planOf({ '/mounts': [mount(own)], '/linux/rootfsPropagation': word })
      expect(only(plan.host, 'openMappedTree').propagation).toBe(propagation)
    })
})

test('init moves it from its slot, which comes after those of cgroups and namespaces', () => {
  const plan = planOf({
    '/hostname': undefined, '/linux/namespaces': [{ type: 'mount' }, { type: 'ipc', path: '/i' }],
    '/mounts': [mount(), mount(own), mount({ destination: '/b', ...own })],
  })
  const before = all(plan.host, 'openDescriptor').length + 3
  expect(all(plan.init, 'bindMount').map(({ destination, tree }) => [destination, tree]))
    .toEqual([['/a', NO_SLOT], ['/a', before], ['/b', before + 1]])
  const opened = plan.host.filter(({ op }) => op === 'openDescriptor' || op === 'openMappedTree')
  expect(opened[before - 3]).toMatchObject({ op: 'openMappedTree', field: '/mounts/1' })
})

describe('refused', () => {
  test('for an ordinary user', () => {
    expect(thrown(() => planOf({ ...inUserNamespace(), '/mounts': [mount(own)] }, { host: user }))).toMatchObject({
      code: 'ERR_CONFIG_INVALID', field: '/mounts/0',
      message: 'id-mapped mounts are not supported for rootless containers (field /mounts/0)',
    })
  })

  test('in a joined mount namespace, whose paths the host does not see', () => {
    const namespaces = [{ type: 'mount', path: '/m' }]
    expect(thrown(() => planOf({ '/hostname': undefined, '/linux/namespaces': namespaces,
      '/mounts': [mount(own)] })).field)
      .toBe('/mounts/0')
  })
})
