/** Specs and contexts of plans: a host with cgroup v1, root as the caller, stdio in the slots 0 to 2. */
import type { CgroupHost } from '../../../lib/cgroup/host.ts'
import { layoutCgroup } from '../../../lib/cgroup/layout.ts'
import { compile } from '../../../lib/plan/compile.ts'
import { type GivenDescriptors, type HostFacts, placed, type PlanContext } from '../../../lib/plan/context.ts'
import { type Operation, type OperationName, operationsOf, type Plan } from '../../../lib/plan/operations.ts'
import type { Spec } from '../../../lib/spec/schema.ts'
import { requireProcess, validateSpec } from '../../../lib/spec/validate.ts'
import { hostOf, v1 } from '../cgroup/samples.ts'
import { specWith } from '../spec/helpers.ts'

export const root: HostFacts = { uid: 0, gid: 0, openFilesHard: 4096 }
export const user: HostFacts = {
  uid: 1000, gid: 1001, openFilesHard: 4096, uidHelper: '/usr/bin/newuidmap', gidHelper: '/usr/bin/newgidmap',
}

export const descriptors: GivenDescriptors = { count: 3, stdio: [0, 1, 2], preserved: [] }

export interface Surroundings {
  readonly id?: string
  readonly host?: HostFacts
  readonly cgroupHost?: CgroupHost
  readonly descriptors?: GivenDescriptors
  readonly noPivot?: boolean
  readonly bareMounts?: boolean
  readonly awaitRuntimeHooks?: boolean
  readonly noNewKeyring?: boolean
}

export function contextOf(spec: Spec, surroundings: Surroundings = {}): PlanContext {
  const { host = root, cgroupHost = hostOf(v1), id = 'web', ...rest } = surroundings
  const cgroups = layoutCgroup(cgroupHost, {
    id, cgroupsPath: spec.linux?.cgroupsPath, resources: spec.linux?.resources, rootless: host.uid !== 0,
  })
  return { id, bundle: '/srv/web', host, cgroupHost, descriptors, ...placed(cgroups), ...rest }
}

/** The default spec with fields set by JSON pointer, valid. */
export const specOf = (changes: Readonly<Record<string, unknown>> = {}): Spec => validateSpec(
  specWith(structuredClone(changes)),
)

/** All operations of a plan. */
export interface Operations {
  readonly host: readonly Operation[]
  readonly init: readonly Operation[]
}

export const listed = ({ host, init }: Plan): Operations => ({ host: operationsOf(host), init: operationsOf(init) })

export function planOf(changes: Readonly<Record<string, unknown>> = {}, surroundings: Surroundings = {}): Operations {
  const spec = specOf(changes)
  return listed(compile(spec, requireProcess(spec), contextOf(spec, surroundings)))
}

export type Of<Name extends OperationName> = Extract<Operation, { readonly op: Name }>

/** All operations of one name, in their order. */
export function all<Name extends OperationName>(list: readonly Operation[], name: Name): Of<Name>[] {
  return list.filter((one): one is Of<Name> => one.op === name)
}

/** The only operation of a name. */
export function only<Name extends OperationName>(list: readonly Operation[], name: Name): Of<Name> {
  const found = all(list, name)
  if (found[0] === undefined || found.length > 1) throw new Error(`${found.length} operations ${name}`)
  return found[0]
}

/** The names of the operations; one that is repeated stands once. */
export const phases = (list: readonly Operation[]): OperationName[] =>
  list.map(({ op }) => op).filter((op, index, ops) => op !== ops[index - 1])

/** A config that uses everything that makes an operation. */
export const everything = {
  '/domainname': 'example.org',
  '/annotations': { 'org.example/a~b': 'x' },
  '/hooks': {
    prestart: [{ path: '/h/prestart' }],
    createRuntime: [{ path: '/h/runtime' }],
    createContainer: [{ path: '/h/c1', args: ['c1', 'x'], env: ['A=1'], timeout: 5 }, { path: '/h/c2' }],
    startContainer: [{ path: '/h/s1' }],
    poststart: [{ path: '/h/poststart' }],
  },
  '/linux/cgroupsPath': '/web',
  '/linux/resources': {
    devices: [{ allow: false, access: 'rwm' }, { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' }],
    memory: { limit: 67108864 }, cpu: { shares: 512 },
  },
  '/linux/devices': [
    { type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 0o600, uid: 7, gid: 8 },
    { type: 'p', path: '/dev/queue' },
  ],
  '/linux/sysctl': { 'net.ipv4.ip_forward': '1', 'net/ipv4/conf/eno2.100/rp_filter': '2' },
  '/linux/rootfsPropagation': 'rslave',
  '/process/oomScoreAdj': -5,
  '/process/user': { uid: 1000, gid: 1000, umask: 0o077, additionalGids: [4, 24] },
  '/process/rlimits': [
    { type: 'RLIMIT_CORE', soft: 0, hard: 18446744073709551615n }, { type: 'RLIMIT_NPROC', soft: 5, hard: 6 },
  ],
} as const
