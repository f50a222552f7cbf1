import { expect, test } from 'vitest'
import { refuseHostNamespaces } from '../../../lib/bundle/bundle.ts'
import { defaultSpec } from '../../../lib/spec/defaults.ts'

const joining = (path: string) => {
  const spec = defaultSpec()
  const namespaces = spec.linux!.namespaces!.map((one) => (one.type === 'network' ? { ...one, path } : one))
  return { ...spec, linux: { ...spec.linux, namespaces, sysctl: { 'net.ipv4.ip_forward': '1' } } }
}

test('a sysctl of a joined namespace that is this process\'s own is refused', () => {
  expect(() => refuseHostNamespaces(joining('/proc/self/ns/net'))).toThrow(expect.objectContaining({
    code: 'ERR_CONFIG_INVALID', field: '/linux/sysctl/net.ipv4.ip_forward',
    message: expect.stringContaining('not allowed in host network namespace'),
  }))
})

test('a sysctl of another joined namespace, or of a new one, is not', () => {
  expect(() => refuseHostNamespaces(joining('/proc/self/ns/uts'))).not.toThrow()
  expect(() => refuseHostNamespaces(joining(''))).not.toThrow()
})

test('a network device does not move into this process\'s own namespace', () => {
  const spec = joining('/proc/self/ns/net')
  expect(() => refuseHostNamespaces({ ...spec, linux: { ...spec.linux, sysctl: {}, netDevices: { eth0: {} } } }))
    .toThrow(expect.objectContaining({
      code: 'ERR_CONFIG_INVALID', field: '/linux/netDevices',
      message: '/linux/netDevices: unable to move network devices without a private NET namespace',
    }))
})
