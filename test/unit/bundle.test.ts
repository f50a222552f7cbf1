import { expect, test } from 'vitest'
import { refuseHostSysctl } from '../../lib/bundle.ts'
import { defaultSpec } from '../../lib/spec/defaults.ts'

const joining = (path: string) => {
  const spec = defaultSpec()
  const namespaces = spec.linux!.namespaces!.map((one) => (one.type === 'network' ? { ...one, path } : one))
  return { ...spec, linux: { ...spec.linux, namespaces, sysctl: { 'net.ipv4.ip_forward': '1' } } }
}

test('a sysctl of a joined namespace that is this process\'s own is refused', () => {
  expect(() => refuseHostSysctl(joining('/proc/self/ns/net'))).toThrow(expect.objectContaining({
    code: 'ERR_CONFIG_INVALID', field: '/linux/sysctl/net.ipv4.ip_forward',
    message: expect.stringContaining('not allowed in host network namespace'),
  }))
})

test('a sysctl of another joined namespace, or of a new one, is not', () => {
  expect(() => refuseHostSysctl(joining('/proc/self/ns/uts'))).not.toThrow()
  expect(() => refuseHostSysctl(joining(''))).not.toThrow()
})
