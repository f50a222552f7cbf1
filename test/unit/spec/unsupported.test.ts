import { describe, test } from 'vitest'
import { defaultSpec, rootlessSpec } from '../../../lib/spec/defaults.ts'
import type { Spec } from '../../../lib/spec/schema.ts'
import { refuseUnsupported } from '../../../lib/spec/unsupported.ts'
import { validateSpec } from '../../../lib/spec/validate.ts'
import { specWith } from './helpers.ts'

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
      '/linux/timeOffsets': {}, '/linux/mountLabel': '', '/linux/seccomp': { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '' },
    })))
  })

  test('joined namespaces of every type', () => {
    const types = ['mount', 'pid', 'network', 'uts', 'ipc', 'user', 'cgroup', 'time']
    const namespaces = types.map((type) => ({ type, path: `/proc/1/ns/${type}` }))
    refuseUnsupported(validateSpec(specWith({ '/linux/namespaces': namespaces })) satisfies Spec)
  })
})
