import { describe, expect, test } from 'vitest'
import { compile } from '../../../lib/plan/compile.ts'
import { type Operation, operations, type OperationName } from '../../../lib/plan/operations.ts'
import { rootlessSpec } from '../../../lib/spec/defaults.ts'
import type { Spec } from '../../../lib/spec/schema.ts'
import { allControllers, hostOf, hybrid, v1, v2 } from '../cgroup/samples.ts'
import { thrown } from '../spec/helpers.ts'
import { all, contextOf, everything, listed, only, phases, planOf, specOf, type Surroundings, user } from './samples.ts'

const joins = [
  { type: 'mount' }, { type: 'uts' }, { type: 'network', path: '/run/netns/a' },
  { type: 'user', path: '/proc/7/ns/user' },
  { type: 'pid', path: '/proc/7/ns/pid' }, { type: 'cgroup' }, { type: 'ipc' },
]
const maps = {
  '/linux/uidMappings': [{ containerID: 0, hostID: 1000, size: 10 }],
  '/linux/gidMappings': [{ containerID: 0, hostID: 1001, size: 10 }],
}
const fields = (spec: Spec) => Object.fromEntries(Object.entries(spec).map(([key, value]) => [`/${key}`, value]))

const cases: Readonly<Record<string, readonly [Readonly<Record<string, unknown>>, Surroundings?]>> = {
  'the default spec': [{}],
  'a config with everything': [everything],
  'joined and new namespaces under a joined user namespace': [{ ...everything, '/linux/namespaces': joins }],
  'a new user namespace': [{
    '/linux/namespaces': [{ type: 'user' }, { type: 'mount' }, { type: 'pid' }, { type: 'uts' }], ...maps,
  }],
  'the rootless spec': [fields(rootlessSpec(specOf(), 1000, 1001)), { host: user }],
  'no mount namespace': [{
    '/linux/namespaces': [{ type: 'uts' }, { type: 'pid' }], '/mounts': [], '/root/readonly': false,
    '/process/terminal': false,
    '/linux/maskedPaths': [], '/linux/readonlyPaths': [], '/hooks': everything['/hooks'],
  }],
  'no namespace, no capabilities, no limits, no linux at all': [{
    '/linux': undefined, '/hostname': undefined, '/mounts': undefined, '/root/readonly': undefined,
    '/process/terminal': false,
    '/process/capabilities': undefined, '/process/rlimits': undefined, '/process/env': undefined,
  }],
  'cgroup v2': [everything, { cgroupHost: hostOf(v2, allControllers) }],
  'a hybrid host': [
    { ...everything, '/linux/resources/hugepageLimits': [{ pageSize: '2MB', limit: 0 }] },
    { cgroupHost: hostOf(hybrid, ['hugetlb']) },
  ],
  'descriptors and the FIFO': [
    { '/process/terminal': false },
    {
      descriptors: { count: 6, stdio: [2, 3, 4], fifo: 5, preserved: [{ slot: 0, number: 3 }, { slot: 1, number: 4 }] },
    },
  ],
  'noPivot and noNewKeyring': [everything, { noPivot: true, noNewKeyring: true }],
}
const each = Object.entries(cases).map(([name, [changes, surroundings]]) => ({ name, changes, surroundings }))

describe('the order', () => {
  test('of the default spec', () => {
    const plan = planOf()
    expect(phases(plan.host)).toEqual(['makeCgroup', 'writeCgroup', 'openDescriptor', 'clone'])
    expect(phases(plan.init.filter(({ field }) => field !== '/mounts/6'))).toEqual([
      'joinCgroup', 'newSession', 'sessionKeyring', 'setHostname', 'loopbackUp', 'setPropagation', 'openRoot',
      'mount', 'keepMount', 'mount', 'keepMount', 'makeDevice',
      'makeSymlink', 'console', 'makeDirectory', 'maskPath', 'readonlyPath', 'pivotRoot', 'remountRootReadonly',
      'stdio', 'rlimit',
      'umask', 'noNewPrivileges', 'changeDirectory', 'dropBounding', 'setUser', 'setCapabilities', 'changeDirectory',
      'findProgram',
      'awaitStart', 'execute',
    ])
  })

  test('of a config with everything, under a joined user namespace', () => {
    const plan = planOf({
      ...everything, '/mounts': [{ destination: '/a', type: 'tmpfs' }], '/linux/namespaces': joins,
    })
    expect(phases(plan.init)).toEqual([
      'joinCgroup', 'enterNamespace', 'becomeRoot', 'unshare', 'fork', 'newSession', 'sessionKeyring', 'setHostname',
      'setDomainname',
      'setPropagation', 'openRoot', 'mount', 'makeDevice', 'makeSymlink', 'console', 'makeDirectory',
      'awaitRuntimeHooks',
      'hook', 'maskPath', 'readonlyPath', 'pivotRoot', 'rootPropagation', 'remountRootReadonly', 'writeProc', 'stdio',
      'rlimit',
      'umask', 'noNewPrivileges', 'changeDirectory', 'dropBounding', 'setUser', 'setCapabilities', 'changeDirectory',
      'findProgram',
      'awaitStart', 'hook', 'execute',
    ])
  })
})

/** Every operation of the first kind comes before every operation of the second, in any plan that has both. */
const before: readonly (readonly [OperationName, OperationName])[] = [
  ['makeCgroup', 'writeCgroup'], ['writeCgroup', 'clone'], ['attachDeviceProgram', 'clone'],
  ['openDescriptor', 'clone'], ['clone', 'mapIds'], ['mapIds', 'adjustOomScore'],
  ['enterNamespace', 'becomeRoot'], ['becomeRoot', 'unshare'], ['unshare', 'fork'], ['enterNamespace', 'fork'],
  ['fork', 'newSession'],
  ['becomeRoot', 'setPropagation'], ['setPropagation', 'openRoot'], ['openRoot', 'mount'], ['openRoot', 'bindMount'],
  ['openRoot', 'changeRoot'],
  ['mount', 'makeDevice'], ['bindMount', 'makeDevice'], ['mount', 'console'], ['makeDevice', 'console'],
  ['mount', 'awaitRuntimeHooks'], ['bindMount', 'awaitRuntimeHooks'], ['makeDevice', 'awaitRuntimeHooks'],
  ['console', 'awaitRuntimeHooks'],
  ['makeDirectory', 'awaitRuntimeHooks'], ['awaitRuntimeHooks', 'maskPath'], ['awaitRuntimeHooks', 'pivotRoot'],
  ['maskPath', 'pivotRoot'], ['readonlyPath', 'pivotRoot'], ['mount', 'pivotRoot'], ['bindMount', 'pivotRoot'],
  ['makeDevice', 'pivotRoot'],
  ['maskPath', 'moveRoot'], ['mount', 'moveRoot'],
  ['pivotRoot', 'rootPropagation'], ['rootPropagation', 'remountRootReadonly'], ['pivotRoot', 'stdio'],
  ['remountRootReadonly', 'stdio'],
  ['console', 'stdio'], ['stdio', 'passDescriptor'], ['passDescriptor', 'rlimit'], ['rlimit', 'setUser'],
  ['noNewPrivileges', 'setUser'],
  ['dropBounding', 'setUser'], ['setUser', 'setCapabilities'], ['pivotRoot', 'changeDirectory'],
  ['changeDirectory', 'findProgram'],
  ['setCapabilities', 'findProgram'], ['findProgram', 'awaitStart'], ['awaitStart', 'execute'],
]

function refuseDisorder(list: readonly Operation[]): void {
  const ops = list.map(({ op }) => op)
  for (const [first, second] of before) {
    if (!ops.includes(first) || !ops.includes(second)) continue
    expect(ops.lastIndexOf(first), `${first} before ${second}`).toBeLessThan(ops.indexOf(second))
  }
}

describe.each(each)('$name', ({ changes, surroundings }) => {
  const plan = planOf(changes, surroundings)
  const spec = specOf(changes)

  test('keeps the order', () => {
    refuseDisorder(plan.host)
    refuseDisorder(plan.init)
  })

  test('the host does what is the host\'s, init the rest', () => {
    for (const { op } of plan.host) expect([op, operations[op].by]).toEqual([op, 'host'])
    for (const { op } of plan.init) expect([op, operations[op].by]).toEqual([op, 'init'])
  })

  test('the process is in its cgroups before anything else is done', () => {
    const ops = plan.init.map(({ op }) => op)
    expect(ops.lastIndexOf('joinCgroup')).toBe(all(plan.init, 'joinCgroup').length - 1)
    const inside = all(plan.init, 'joinCgroup').length > 0 || only(plan.host, 'clone').cgroup !== ''
    expect(inside).toBe(true)
  })

  test('everything happens once that can happen only once, and execve ends it', () => {
    for (const op of [
      'newSession', 'openRoot', 'stdio', 'umask', 'dropBounding', 'setUser', 'setCapabilities', 'findProgram',
      'awaitStart', 'execute',
    ] as const) {
      only(plan.init, op)
    }
    expect(plan.init.filter(({ op }) => ['pivotRoot', 'moveRoot', 'changeRoot'].includes(op))).toHaveLength(1)
    expect(plan.init.at(-1)!.op).toBe('execute')
    only(plan.host, 'clone')
  })

  test('every pointer is that of a field of the config', () => {
    const paths = [...new Set([...plan.host, ...plan.init].map(({ field }) => field))]
    expect(paths.filter((path) => resolvePointer(spec, path) === undefined)).toEqual([])
  })

  test('every slot is that of a descriptor, and of the right one', () => {
    const given = surroundings?.descriptors?.count ?? 3
    const opened = all(plan.host, 'openDescriptor')
    for (const { descriptor, path } of [...all(plan.init, 'joinCgroup'), ...all(plan.init, 'enterNamespace')]) {
      expect(opened[descriptor - given]?.path).toBe(path)
    }
    expect(all(plan.init, 'joinCgroup').length + all(plan.init, 'enterNamespace').length).toBe(opened.length)
  })

  test('no text has a NUL, and no argument is missing', () => {
    for (const one of [...plan.host, ...plan.init]) {
      const wanted = ['op', 'field', ...Object.keys(operations[one.op].fields)]
      expect(Object.keys(one).toSorted(), one.op).toEqual(wanted.toSorted())
      expect(Object.values(one).includes(undefined), one.op).toBe(false)
      expect(JSON.stringify(one, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)))
        .not.toContain('\\u0000')
    }
  })
})

/** RFC 6901; undefined when there is nothing. */
function resolvePointer(document: unknown, path: string): unknown {
  return path.split('/').slice(1).map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(
      (node, key) =>
        (typeof node === 'object' && node !== null && Object.hasOwn(node, key) ? node[key as never] : undefined),
      document,
    )
}

describe('cgroups', () => {
  test('on v1 init writes itself into each hierarchy, through what the host has opened for writing', () => {
    const plan = planOf()
    expect(only(plan.host, 'clone').cgroup).toBe('')
    expect(all(plan.host, 'openDescriptor').map(({ path, flags, type }) => [path, flags, type])).toContainEqual([
      '/sys/fs/cgroup/memory/nrunc/web/tasks', 1, 0,
    ])
    expect(all(plan.init, 'joinCgroup').map(({ path }) => path))
      .toEqual(all(plan.host, 'openDescriptor').map(({ path }) => path))
    // A write to cgroup.procs would wait for RCU.
    expect(all(plan.init, 'joinCgroup').every(({ path }) => path.endsWith('/tasks'))).toBe(true)
  })

  test('on v2 the process is born inside', () => {
    const plan = planOf({}, { cgroupHost: hostOf(v2, allControllers) })
    expect(only(plan.host, 'clone').cgroup).toBe('/sys/fs/cgroup/nrunc/web')
    expect(phases(plan.init)).not.toContain('joinCgroup')
  })

  test('cgroupsPath is the field of what joins them', () => {
    const plan = planOf({ '/linux/cgroupsPath': '/a/b' })
    expect(new Set(all(plan.init, 'joinCgroup').map(({ field }) => field))).toEqual(new Set(['/linux/cgroupsPath']))
  })

  test('a limit without a controller is refused before anything is made', () => {
    expect(thrown(() => planOf({ '/linux/resources/pids': { limit: 5 } }, { cgroupHost: hostOf(v1) }))).toMatchObject({
      code: 'ERR_CGROUP', field: '/linux/resources/pids/limit',
    })
  })
})

describe('options of the call', () => {
  test('the keyring is named after the container', () => {
    expect(only(planOf().init, 'sessionKeyring')).toEqual({ op: 'sessionKeyring', field: '', name: '_ses.web' })
    expect(phases(planOf({}, { noNewKeyring: true }).init)).not.toContain('sessionKeyring')
  })

  test('oomScoreAdj is written where it is given, and 0 is given', () => {
    expect(only(planOf({ '/process/oomScoreAdj': 0 }).host, 'adjustOomScore')).toEqual({
      op: 'adjustOomScore', field: '/process/oomScoreAdj', value: '0',
    })
    expect(phases(planOf().host)).not.toContain('adjustOomScore')
  })

  test('compiling gives the same every time, and leaves the spec as it is', () => {
    const spec = specOf(everything)
    const copy = structuredClone(spec)
    const compiled = () => listed(compile(spec, spec.process!, contextOf(spec)))
    expect(compiled()).toEqual(compiled())
    expect(spec).toEqual(copy)
  })
})
