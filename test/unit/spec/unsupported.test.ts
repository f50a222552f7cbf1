import { describe, expect, test } from 'vitest'
import { defaultSpec, rootlessSpec } from '../../../lib/spec/defaults.ts'
import type { Spec } from '../../../lib/spec/schema.ts'
import { refuseUnsupported } from '../../../lib/spec/unsupported.ts'
import { validateSpec } from '../../../lib/spec/validate.ts'
import { specWith, thrown } from './helpers.ts'

describe('refused', () => {
  test.each<[string, unknown, string[]]>([
    ['/linux/seccomp', { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '/a', syscalls: [{ names: ['read'], action: 'SCMP_ACT_NOTIFY' }] },
      ['/linux/seccomp/listenerPath', '/linux/seccomp/syscalls/0/action']],
  ])('%s %j', (field, value, fields) => {
    const expected = fields.length === 0 ? [field] : fields
    const error = thrown(() => refuseUnsupported(validateSpec(specWith({ [field]: value }))))
    expect(error.code).toBe('ERR_CONFIG_UNSUPPORTED')
    expect(error.field).toBe(expected[0])
    expect(error.message).toBe(`config.json has what nrunc does not support yet: ${expected.join(', ')}`)
    expect(error.problems).toEqual(expected.map((name) => ({ field: name, message: 'is not supported yet' })))
  })
})

describe('not refused', () => {
  test('the default specs', () => {
    refuseUnsupported(defaultSpec({ cgroupNamespace: true }))
    refuseUnsupported(rootlessSpec(defaultSpec(), 1000, 1000))
  })

  test('fields that are there and ask for nothing', () => {
    refuseUnsupported(validateSpec(specWith({
      '/process/selinuxLabel': '', '/process/apparmorProfile': '', '/process/execCPUAffinity': { initial: '' },
      '/mounts': [{ destination: '/a', uidMappings: [], gidMappings: [], options: [] }],
      '/linux/netDevices': {}, '/linux/intelRdt': { closID: '', schemata: [], enableMonitoring: false },
      '/linux/timeOffsets': {}, '/linux/mountLabel': '',
    })))
  })

  test('joined namespaces of every type', () => {
    const types = ['mount', 'pid', 'network', 'uts', 'ipc', 'user', 'cgroup', 'time']
    const namespaces = types.map((type) => ({ type, path: `/proc/1/ns/${type}` }))
    refuseUnsupported(validateSpec(specWith({ '/linux/namespaces': namespaces })) satisfies Spec)
  })
})
