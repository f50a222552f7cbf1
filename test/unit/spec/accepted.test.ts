import { describe, expect, test } from 'vitest'
import { defaultSpec, rootlessSpec } from '../../../lib/spec/defaults.ts'
import { validateSpec } from '../../../lib/spec/validate.ts'
import { specWith } from './helpers.ts'

describe('accepted', () => {
  test('the default specs', () => {
    for (const spec of [defaultSpec({ cgroupNamespace: true }), rootlessSpec(defaultSpec(), 1000, 1000)]) {
      expect(validateSpec(spec)).toEqual(spec)
    }
  })

  test.each([
    ['/process/selinuxLabel', ''], ['/process/apparmorProfile', ''], ['/process/execCPUAffinity', { initial: '' }],
    ['/mounts', [{ destination: '/a', uidMappings: [], gidMappings: [], options: [] }]],
    ['/linux/netDevices', {}], ['/linux/intelRdt', { closID: '', schemata: [], enableMonitoring: false }],
    ['/linux/timeOffsets', {}], ['/linux/mountLabel', ''],
    ['/linux/seccomp', { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '' }],
  ])('a field that is there and asks for nothing: %s', (field, value) => {
    expect(() => validateSpec(specWith({ [field]: value }))).not.toThrow()
  })

  test('joined namespaces of every type', () => {
    const types = ['mount', 'pid', 'network', 'uts', 'ipc', 'user', 'cgroup', 'time']
    const namespaces = types.map((type) => ({ type, path: `/proc/1/ns/${type}` }))
    expect(validateSpec(specWith({ '/linux/namespaces': namespaces })).linux?.namespaces).toEqual(namespaces)
  })
})
