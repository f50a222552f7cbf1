import { describe, expect, test } from 'vitest'
import { compileExec, type ExecContext } from '../../../lib/plan/exec.ts'
import { NO_SLOT, type Operation, operations } from '../../../lib/plan/operations.ts'
import type { ProcessSpec } from '../../../lib/spec/schema.ts'
import { thrown } from '../spec/helpers.ts'
import { all, descriptors, listed, only, phases, root, user } from './samples.ts'

const program: ProcessSpec = { args: ['ps', 'ax'], cwd: '/', user: { uid: 0, gid: 0 } }
const context: ExecContext = {
  id: 'web', host: root,
  cgroupPaths: {
    memory: '/sys/fs/cgroup/memory/web', cpu: '/sys/fs/cgroup/cpu,cpuacct/web',
    cpuacct: '/sys/fs/cgroup/cpu,cpuacct/web',
  },
  namespaces: (['mount', 'cgroup', 'pid', 'network', 'uts', 'ipc', 'user', 'time'] as const).map(
    (type) => ({ type, path: `/proc/7/ns/${type}` }),
  ),
  groupsDenied: false, noNewKeyring: false, descriptors,
}
const planOf = (process: Partial<ProcessSpec> = {}, changes: Partial<ExecContext> = {}) => listed(compileExec(
  { ...program, ...process }, { ...context, ...changes },
))

describe('the order', () => {
  test('cgroups, namespaces, process', () => {
    const plan = planOf({ terminal: true, oomScoreAdj: 5, noNewPrivileges: true })
    expect(phases(plan.host)).toEqual(['openDescriptor', 'clone', 'adjustOomScore'])
    expect(phases(plan.init)).toEqual([
      'joinCgroup', 'enterNamespace', 'becomeRoot', 'fork', 'newSession', 'sessionKeyring', 'console',
      'stdio', 'rlimit',
      'umask', 'noNewPrivileges', 'changeDirectory', 'dropBounding', 'setUser', 'setCapabilities', 'changeDirectory',
      'findProgram',
      'awaitStart', 'execute',
    ])
  })

  test.each([
    ['an ordinary user', user, 0], ['root, who may not join those of the host from there', root, -1],
  ])('the user namespace first or last: %s', (_name, host, place) => {
    const paths = all(planOf({}, { host }).init, 'enterNamespace').map(({ path }) => path)
    expect(paths.at(place)).toBe('/proc/7/ns/user')
    expect(paths.toSorted()).toEqual(context.namespaces.map(({ path }) => path).toSorted())
  })

  test('the host does what is the host\'s, init the rest', () => {
    const plan = planOf({ terminal: true })
    for (const { op } of plan.host) expect([op, operations[op].by]).toEqual([op, 'host'])
    for (const { op } of plan.init) expect([op, operations[op].by]).toEqual([op, 'init'])
  })
})

describe('descriptors', () => {
  test('a pidfd is sent before the descriptors get their numbers', () => {
    const { init } = planOf({}, { descriptors: { ...descriptors, pidfdSocket: 5 } })
    expect(only(init, 'sendPidfd')).toMatchObject({ receiver: 5, name: 'setns' })
    expect(phases(init).indexOf('sendPidfd')).toBe(phases(init).indexOf('stdio') - 1)
    expect(all(planOf().init, 'sendPidfd')).toEqual([])
  })

  test('each cgroup is entered once, by what the host has opened', () => {
    const plan = planOf()
    const opened = all(plan.host, 'openDescriptor')
    expect(opened.slice(0, 2).map(({ path, flags, type }) => [path, flags, type])).toEqual([
      ['/sys/fs/cgroup/memory/web/tasks', 1, 0], ['/sys/fs/cgroup/cpu,cpuacct/web/tasks', 1, 0],
    ])
    for (const { descriptor, path } of [...all(plan.init, 'joinCgroup'), ...all(plan.init, 'enterNamespace')]) {
      expect(opened[descriptor - 3]?.path).toBe(path)
    }
  })

  test('namespaces are opened with the type that they must have', () => {
    expect(all(planOf().host, 'openDescriptor').slice(2).map(({ type }) => type))
      .toEqual([0x8000000, 0x4000000, 0x40000000, 0x20000000, 0x2000000, 0x80, 0x20000, 0x10000000])
  })

  test('on v2 the process is born in the cgroup', () => {
    const plan = planOf({}, { cgroupPaths: { '': '/sys/fs/cgroup/web' } })
    expect(only(plan.host, 'clone')).toEqual({ op: 'clone', field: '', flags: 0, cgroup: '/sys/fs/cgroup/web', bare: 0 })
    expect(phases(plan.init)).not.toContain('joinCgroup')
  })

  test('it is the host that says when to go on: exec has no FIFO', () => {
    expect(only(planOf({}, { descriptors: { ...descriptors, fifo: 0 } }).init, 'awaitStart').fifo).toBe(NO_SLOT)
  })
})

describe('what the container does not have', () => {
  test('without a user namespace it does not become root, without a pid namespace it does not fork', () => {
    const ops = phases(planOf({}, { namespaces: [{ type: 'mount', path: '/m' }] }).init)
    expect(ops).not.toContain('becomeRoot')
    expect(ops).not.toContain('fork')
  })

  test('without a mount namespace it changes to the container\'s root, as the container did', () => {
    const { init } = planOf({}, { namespaces: [], rootfs: '/srv/web/rootfs' })
    expect(only(init, 'openRoot')).toEqual({ op: 'openRoot', field: '', path: '/srv/web/rootfs', bind: 0 })
    const order = phases(init)
    expect(order.slice(order.indexOf('openRoot')).slice(0, 3)).toEqual(['openRoot', 'changeRoot', 'stdio'])
    expect(phases(planOf().init)).not.toContain('changeRoot')
  })

  test('no namespaces, no cgroups: nothing but the process', () => {
    const plan = planOf({}, { namespaces: [], cgroupPaths: {}, noNewKeyring: true })
    expect(phases(plan.host)).toEqual(['clone'])
    expect(phases(plan.init).slice(0, 2)).toEqual(['newSession', 'stdio'])
  })

  test('nothing is mounted: not even the console, which is another process\'s', () => {
    expect(only(planOf({ terminal: true }).init, 'console').mountConsole).toBe(0)
  })
})

describe('the process', () => {
  test('CVE-2022-29162: nothing is inheritable that was not asked for', () => {
    const { init } = planOf({
      capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] },
    })
    expect(only(init, 'setCapabilities')).toMatchObject({
      effective: 32n, permitted: 32n, inheritable: 0n, ambient: 0n,
    })
  })

  test('its groups are kept where the kernel forbids to change them', () => {
    expect(only(planOf({}, { groupsDenied: true }).init, 'setUser').keepGroups).toBe(1)
  })

  test('pointers are those of the process, and each has its field', () => {
    const process: Partial<ProcessSpec> = {
      terminal: true, oomScoreAdj: 1, noNewPrivileges: true, capabilities: { bounding: [] },
      rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }],
      user: { uid: 1, gid: 2, umask: 0 },
    }
    expect(fieldsOf(planOf(process).host)).toEqual(['', '/oomScoreAdj'])
    expect(fieldsOf(planOf(process).init)).toEqual([
      '', '/args', '/args/0', '/capabilities', '/capabilities/bounding', '/cwd', '/noNewPrivileges', '/rlimits/0',
      '/terminal', '/user', '/user/umask',
    ])
    expect(fieldsOf(planOf().init)).toEqual(['', '/args', '/args/0', '/cwd', '/user'])
  })

  test.each([[], undefined])('no arguments: %j', (args) => {
    expect(thrown(() => planOf({ args } as Partial<ProcessSpec>))).toMatchObject({
      code: 'ERR_CONFIG_INVALID', field: '/args', message: 'args must not be empty',
    })
  })
})

const fieldsOf = (list: readonly Operation[]): string[] => [...new Set(list.map(({ field }) => field))].toSorted()
