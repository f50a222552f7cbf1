import { expect, test } from 'vitest'
import { thrown } from '../spec/helpers.ts'
import { all, planOf, user } from './samples.ts'

const changes = { '/linux/netDevices': { 'eth0.1': {}, eth1: { name: 'net%d' } } }

test('network devices move after the clone, into the namespace of the new process', () => {
  const { host } = planOf(changes)
  expect(all(host, 'moveNetDevice')).toEqual([
    { op: 'moveNetDevice', field: '/linux/netDevices/eth0.1', device: 'eth0.1', name: '', path: '' },
    { op: 'moveNetDevice', field: '/linux/netDevices/eth1', device: 'eth1', name: 'net%d', path: '' },
  ])
  expect(host.findIndex(({ op }) => op === 'clone')).toBeLessThan(host.findIndex(({ op }) => op === 'moveNetDevice'))
})

test('or into the one that is joined', () => {
  const { host } = planOf({ ...changes, '/linux/namespaces': [{ type: 'network', path: '/run/netns/a' }, { type: 'mount' }, { type: 'uts' }] })
  expect(all(host, 'moveNetDevice').map(({ path }) => path)).toEqual(['/run/netns/a', '/run/netns/a'])
})

test('only root may do it', () => {
  expect(thrown(() => planOf(changes, { host: user }))).toMatchObject({
    code: 'ERR_CONFIG_INVALID', field: '/linux/netDevices', message: 'network devices are not supported for rootless containers',
  })
})

test.each([
  [{ type: 'user', path: '/u' }, undefined], [{ type: 'user' }, [{ containerID: 0, hostID: 1000, size: 10 }]],
])('are refused where init makes the network namespace itself: %j', (user, maps) => {
  const spec = {
    ...changes, '/hostname': undefined, '/linux/uidMappings': maps, '/linux/gidMappings': maps,
    '/linux/namespaces': [{ type: 'mount' }, { type: 'network' }, { type: 'ipc', path: '/i' }, user],
  }
  expect(thrown(() => planOf(spec))).toMatchObject({ code: 'ERR_CONFIG_INVALID', field: '/linux/netDevices' })
})
