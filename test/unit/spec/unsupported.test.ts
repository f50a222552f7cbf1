import { describe, expect, test } from 'vitest'
import { defaultSpec, rootlessSpec } from '../../../lib/spec/defaults.ts'
import type { Spec } from '../../../lib/spec/schema.ts'
import { refuseUnsupported } from '../../../lib/spec/unsupported.ts'
import { validateSpec } from '../../../lib/spec/validate.ts'
import { specWith, thrown } from './helpers.ts'

const time = [{ type: 'mount' }, { type: 'uts' }, { type: 'time' }]
const ids = [{ containerID: 0, hostID: 0, size: 1 }]

describe('refused', () => {
  test.each<[string, unknown, string[]]>([
    ['/process/selinuxLabel', 'x', []],
    ['/process/apparmorProfile', 'x', []],
    ['/mounts', [{ destination: '/a' }, { destination: '/b', uidMappings: ids, gidMappings: ids }],
      ['/mounts/1/uidMappings', '/mounts/1/gidMappings']],
    ['/mounts',
      [{ destination: '/a', options: ['ro', 'idmap', 'ridmap'] }, { destination: '/b', options: ['tmpcopyup'] }],
      ['/mounts/0/options/1', '/mounts/0/options/2', '/mounts/1/options/0']],
    ['/linux/namespaces', time, ['/linux/namespaces/2']],
    ['/linux/seccomp', { defaultAction: 'SCMP_ACT_ALLOW' }, []],
    ['/linux/intelRdt', { enableMonitoring: true }, []],
    ['/linux/mountLabel', 'x', []],
  ])('%s %j', (field, value, fields) => {
    const expected = fields.length === 0 ? [field] : fields
    const error = thrown(() => refuseUnsupported(validateSpec(specWith({ [field]: value }))))
    expect(error.code).toBe('ERR_CONFIG_UNSUPPORTED')
    expect(error.field).toBe(expected[0])
    expect(error.message).toBe(`config.json has what nrunc does not support yet: ${expected.join(', ')}`)
    expect(error.problems).toEqual(expected.map((name) => ({ field: name, message: 'is not supported yet' })))
  })

  test('time offsets, with their namespace', () => {
    const spec = specWith({ '/linux/namespaces': time, '/linux/timeOffsets': { monotonic: { secs: -1n } } })
    expect(thrown(() => refuseUnsupported(validateSpec(spec))).problems.map(({ field }) => field)).toEqual([
      '/linux/namespaces/2', '/linux/timeOffsets',
    ])
  })

  test('in a process alone', () => {
    const process = { args: ['x'], cwd: '/', user: { uid: 0, gid: 0 }, apparmorProfile: 'p' }
    expect(thrown(() => refuseUnsupported({ process })).field).toBe('/process/apparmorProfile')
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

  test('joined namespaces of every other type', () => {
    const types = ['mount', 'pid', 'network', 'uts', 'ipc', 'user', 'cgroup']
    const namespaces = types.map((type) => ({ type, path: `/proc/1/ns/${type}` }))
    refuseUnsupported(validateSpec(specWith({ '/linux/namespaces': namespaces })) satisfies Spec)
  })
})
