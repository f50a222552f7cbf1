import { describe, expect, test } from 'vitest'
import type { CgroupHost } from '../../../lib/cgroup/host.ts'
import { layoutCgroup } from '../../../lib/cgroup/layout.ts'
import { type CgroupFacts, cgroupEntry, cgroupOperations, firstEntry } from '../../../lib/cgroup/operations.ts'
import type { Operation } from '../../../lib/plan/operations.ts'
import type { Resources } from '../../../lib/spec/schema.ts'
import { allows } from './bpf.ts'
import { allControllers, hostOf, hybrid, v1, v2 } from './samples.ts'

function compile(host: CgroupHost, resources?: Resources, rootless = false, facts?: CgroupFacts) {
  const layout = layoutCgroup(host, { id: 'web', cgroupsPath: '/c', resources, rootless })
  return { ...cgroupOperations(host, layout, resources, facts), ...firstEntry(layout) }
}
const writesOf = (operations: readonly Operation[]): string[] =>
  operations.flatMap(one => one.op === 'writeCgroup' ? [`${one.path} ${one.value}`] : [])
const denyAll = [{ allow: false, access: 'rwm' }]

describe('v1', () => {
  test('the directories come first, then the limits, then the devices', () => {
    const { prepare } = compile(hostOf(v1), { devices: denyAll, memory: { limit: 5 } })
    expect(prepare.slice(0, 6).map(({ op }) => op)).toEqual(Array(6).fill('makeCgroup'))
    expect(prepare[0]).toEqual({
      op: 'makeCgroup', field: '/linux/cgroupsPath', root: '/sys/fs/cgroup/systemd', path: '/sys/fs/cgroup/systemd/c',
      controllers: '', cpuset: 0, unified: 0,
    })
    expect(prepare.filter(one => one.op === 'makeCgroup' && one.cpuset === 1)).toMatchObject([
      { path: '/sys/fs/cgroup/cpuset/c' },
    ])
    expect(prepare[6]).toEqual({
      op: 'writeCgroup', field: '/linux/resources/memory/limit', path: '/sys/fs/cgroup/memory/c/memory.limit_in_bytes',
      value: '5', optional: 0,
    })
    expect(prepare[7]).toEqual({
      op: 'writeCgroup', field: '/linux/resources/devices/0', path: '/sys/fs/cgroup/devices/c/devices.deny',
      value: 'a *:* rwm', optional: 0,
    })
    expect(prepare).toHaveLength(6 + 1 + 11)
  })

  test('the process enters by every tasks file, once', () => {
    const { tasks, into } = compile(hostOf(v1))
    expect(tasks.map(({ path }) => path)).toEqual([
      'systemd', 'cpu,cpuacct', 'memory', 'devices', 'cpuset', 'net_cls,net_prio',
    ].map(name => `/sys/fs/cgroup/${name}/c/tasks`))
    expect(into).toBe('')
  })

  test('device rules are written without resources, too', () => {
    expect(writesOf(compile(hostOf(v1)).prepare)[0]).toBe('/sys/fs/cgroup/devices/c/devices.deny a *:* rwm')
  })

  test('the default devices make way for those of linux.devices', () => {
    const devices = [{ type: 'c' as const, path: '/dev/null', major: 1, minor: 3 }]
    const files = (facts?: CgroupFacts) => writesOf(compile(hostOf(v1), {}, false, facts).prepare).join()
    expect(files()).toContain('c 1:3 rwm')
    expect(files({ devices })).not.toContain('c 1:3 rwm')
  })

  test('facts decide between files', () => {
    const host = hostOf({
      mountinfo: v1.mountinfo.replace(/net_cls,net_prio/g, 'blkio'),
      cgroup: v1.cgroup.replace('net_cls,net_prio', 'blkio'),
    })
    const file = (has?: CgroupFacts['has']) =>
      writesOf(compile(host, { blockIO: { weight: 10 } }, false, { has }).prepare)[0]
    expect(file()).toBe('/sys/fs/cgroup/blkio/c/blkio.bfq.weight 10')
    expect(file(() => true)).toBe('/sys/fs/cgroup/blkio/c/blkio.weight 10')
  })
})

describe('v2', () => {
  const host = hostOf(v2, allControllers)

  test('one directory with every controller, the limits, the device program', () => {
    const { prepare, tasks, into } = compile(host, { devices: denyAll, pids: { limit: 9 }, memory: { limit: 5 } })
    expect(prepare.slice(0, 3)).toEqual([
      {
        op: 'makeCgroup', field: '/linux/cgroupsPath', root: '/sys/fs/cgroup', path: '/sys/fs/cgroup/c',
        controllers: '+cpuset +cpu +io +memory +hugetlb +pids +rdma +misc', cpuset: 0, unified: 2,
      },
      {
        op: 'writeCgroup', field: '/linux/resources/memory/limit', path: '/sys/fs/cgroup/c/memory.max', value: '5',
        optional: 0,
      },
      {
        op: 'writeCgroup', field: '/linux/resources/pids/limit', path: '/sys/fs/cgroup/c/pids.max', value: '9',
        optional: 0,
      },
    ])
    expect(prepare[3]).toMatchObject({
      op: 'attachDeviceProgram', field: '/linux/resources/devices', path: '/sys/fs/cgroup/c',
    })
    const program = prepare[3]?.op === 'attachDeviceProgram' ? prepare[3].program : new Uint8Array()
    expect(allows(program, { type: 'c', major: 1, minor: 3, access: 'rw' })).toBe(true)
    expect(allows(program, { type: 'b', major: 8, minor: 0, access: 'r' })).toBe(false)
    expect({ tasks, into }).toEqual({ tasks: [], into: '/sys/fs/cgroup/c' })
  })

  test('no program where everything is allowed', () => {
    const { prepare } = compile(host, { devices: [{ allow: true, access: 'rwm' }] })
    expect(prepare.map(({ op }) => op)).toEqual(['makeCgroup'])
  })

  test.each<[string, Resources, number]>([
    ['is what limits of whole processes need', { memory: { limit: 5 } }, 2],
    ['unified ones too', { unified: { 'io.max': '8:0 rbps=1' } }, 2],
    ['threads can be limited without one', { cpu: { quota: 5000, cpus: '0' }, pids: { limit: 5 } }, 1],
    ['without limits there is no need', { unified: { 'cgroup.max.depth': '3' } }, 1],
  ])('a domain %s', (_, resources, unified) => {
    expect(compile(host, resources).prepare[0]).toMatchObject({ op: 'makeCgroup', unified })
  })

  test('unified comes last, each line of it in a write of its own', () => {
    const resources = { unified: { 'io.max': '8:0 rbps=1\n8:16 rbps=2\n', 'cgroup.max.depth': '3' }, memory: { limit: 5 } }
    expect(writesOf(compile(host, resources).prepare)).toEqual([
      '/sys/fs/cgroup/c/memory.max 5', '/sys/fs/cgroup/c/io.max 8:0 rbps=1', '/sys/fs/cgroup/c/io.max 8:16 rbps=2',
      '/sys/fs/cgroup/c/cgroup.max.depth 3',
    ])
  })

  test('the cgroup goes to its owner, at last', () => {
    const { prepare } = compile(host, { devices: denyAll, pids: { limit: 9 } }, false, { owner: () => 100000 })
    expect(prepare.at(-1)).toEqual({ op: 'delegateCgroup', field: '', path: '/sys/fs/cgroup/c', uid: 100000 })
    expect(compile(host).prepare.some(({ op }) => op === 'delegateCgroup')).toBe(false)
  })

  test('optional writes say so', () => {
    expect(compile(host, { memory: { limit: 5, swap: 5 } }).prepare[1]).toMatchObject({ value: '0', optional: 1 })
  })
})

test('on a hybrid host a limit goes to the hierarchy that has its controller', () => {
  const { prepare, tasks, into } = compile(hostOf(hybrid, ['hugetlb']), {
    memory: { limit: 5, swap: 7 }, hugepageLimits: [{ pageSize: '2MB', limit: 0 }],
  })
  expect(writesOf(prepare).slice(0, 4)).toEqual([
    '/sys/fs/cgroup/memory/c/memory.limit_in_bytes 5', '/sys/fs/cgroup/memory/c/memory.memsw.limit_in_bytes 7',
    '/sys/fs/cgroup/unified/c/hugetlb.2MB.rsvd.max 0', '/sys/fs/cgroup/unified/c/hugetlb.2MB.max 0',
  ])
  expect(tasks).toHaveLength(5)
  expect(into).toBe('/sys/fs/cgroup/unified/c')
})

test.each([['v1', hostOf(v1)], ['hybrid', hostOf(hybrid, ['hugetlb'])]])('on %s unified is refused, and nobody gets the cgroup', (_, host) => {
  expect(() => compile(host, { unified: { 'memory.max': '5' } })).toThrow(expect.objectContaining({
    code: 'ERR_CONFIG_INVALID', field: '/linux/resources/unified',
    message: 'invalid configuration: cannot use unified on cgroup v1',
  }))
  const resources = { hugepageLimits: host.mode === 'hybrid' ? [{ pageSize: '2MB', limit: 0 }] : [] }
  expect(compile(host, resources, false, { owner: () => 7 }).prepare.some(({ op }) => op === 'delegateCgroup')).toBe(false)
})

test.each([
  ['memory.max', '5', 'ERR_CGROUP', 'unified resource "memory.max" can\'t be set: controller "memory" not available'],
  ['memory', '5', 'ERR_CONFIG_INVALID', 'unified resource "memory" must be in the form CONTROLLER.PARAMETER'],
])('unified %s without its controller is refused', (name, value, code, message) => {
  expect(() => compile(hostOf(v2, ['pids']), { unified: { [name]: value } }))
    .toThrow(expect.objectContaining({ code, message, field: `/linux/resources/unified/${name}` }))
})

test.each<[string, CgroupHost, Resources, string, string]>([
  ['v2', hostOf(v2, allControllers), { network: { classID: 3 } }, 'net_cls', '/linux/resources/network/classID'],
  ['v2', hostOf(v2, allControllers), { network: { priorities: [{ name: 'lo', priority: 1 }] } }, 'net_prio',
    '/linux/resources/network/priorities/0/priority'],
  ['v1', hostOf(v1), { pids: { limit: 3 } }, 'pids', '/linux/resources/pids/limit'],
  ['v2', hostOf(v2, ['memory']), { cpu: { quota: 3 } }, 'cpu', '/linux/resources/cpu/quota'],
  ['hybrid', hostOf(hybrid, []), { hugepageLimits: [{ pageSize: '2MB', limit: 0 }] }, 'hugetlb',
    '/linux/resources/hugepageLimits/0/limit'],
])('a limit without a controller is refused on %s', (_, host, resources, controller, field) => {
  expect(() => compile(host, resources)).toThrow(expect.objectContaining({
    code: 'ERR_CGROUP', field, message: `cannot set ${controller} limit: container could not join or create cgroup`,
  }))
})

describe('rootless', () => {
  test('device rules are not enforced', () => {
    const { prepare } = compile(hostOf(v2, allControllers), { devices: denyAll }, true)
    expect(prepare.map(({ op }) => op)).toEqual(['makeCgroup'])
    expect(writesOf(compile(hostOf(v1), { devices: denyAll }, true).prepare)).toEqual([])
  })

  test('without any cgroup there is nothing to do, and a limit is refused', () => {
    const host: CgroupHost = { mode: 'none', hierarchies: [] }
    const layout = layoutCgroup(host, { id: 'web', rootless: true })
    expect(cgroupOperations(host, layout, { devices: denyAll })).toEqual({ prepare: [], limits: [] })
    expect(firstEntry(layout)).toEqual({ tasks: [], into: '' })
    expect(() => cgroupOperations(host, layout, { memory: { limit: 5 } })).toThrow(
      expect.objectContaining({ code: 'ERR_CGROUP', field: '/linux/resources/memory/limit' }))
  })
})

test('entry by the paths of a state file', () => {
  expect(cgroupEntry({ cpu: '/s/cpu,cpuacct/a', cpuacct: '/s/cpu,cpuacct/a', '': '/s/unified/a' })).toEqual({
    tasks: [{ path: '/s/cpu,cpuacct/a/tasks' }], into: '/s/unified/a',
  })
  expect(cgroupEntry({ '': '/s/a' })).toEqual({ tasks: [], into: '/s/a' })
})
