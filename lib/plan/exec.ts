/**
 * The plan of a process that is added to a running container. Source: runc's `exec`, setns(2), pidfd_open(2).
 */
import { NruncError } from '../errors.ts'
import type { CgroupPaths } from '../cgroup/layout.ts'
import { type CgroupEntry, cgroupEntry } from '../cgroup/operations.ts'
import type { LinuxSpec, NamespaceType, ProcessSpec } from '../spec/schema.ts'
import { planOomScore } from './compile.ts'
import type { GivenDescriptors, HostFacts } from './context.ts'
import { planKeyring } from './labels.ts'
import { joinOrderOf, namespaceFlags } from './namespaces.ts'
import { NO_SLOT, type Operation, type Plan } from './operations.ts'
import { planConsole, planExecute, planPidfd, planProcess } from './process.ts'
import { enterResctrl } from './resctrl.ts'
import { type CompileFilter, planSeccomp } from './seccomp.ts'
import { planAffinity, planDomain } from './scheduling.ts'

export interface ExecContext {
  readonly id: string
  readonly host: HostFacts
  /** libcontainer's `cgroup_paths` of the container. */
  readonly cgroupPaths: CgroupPaths
  /** Somebody else puts the process into the cgroup, before it does anything. */
  readonly attached?: boolean | undefined
  /** Namespaces in which the container differs from the caller, and their files. */
  readonly namespaces: readonly { readonly type: NamespaceType; readonly path: string }[]
  /** The root of a container that has no mount namespace of its own: exec changes to it too. */
  readonly rootfs?: string | undefined
  /** `linux` of the container's config: domain, memory policy and filter are those of all its processes. */
  readonly linux?: LinuxSpec | undefined
  /** Groups of resctrl that the container is in, the outer one first. */
  readonly resctrl?: readonly string[] | undefined
  readonly compileFilter?: CompileFilter | undefined
  readonly groupsDenied: boolean
  readonly keepGroups?: boolean | undefined
  readonly noNewKeyring: boolean
  readonly descriptors: GivenDescriptors
}

const O_WRONLY = 1

/** For a process that has something to do before it is in its cgroup: it is not born there. */
function laterEntry(paths: CgroupPaths): CgroupEntry {
  const { tasks, into } = cgroupEntry(paths)
  return { tasks: into === '' ? tasks : [...tasks, { path: `${into}/cgroup.procs` }], into: '' }
}

export function compileExec(process: ProcessSpec, context: ExecContext): Plan {
  if ((process.args?.length ?? 0) === 0) {
    throw new NruncError('ERR_CONFIG_INVALID', 'args must not be empty', { field: '/args' })
  }
  const affinity = planAffinity(process.execCPUAffinity)
  const { attached, cgroupPaths } = context
  const entry = attached ? { tasks: [], into: '' } : affinity.before.length > 0 ? laterEntry(cgroupPaths) : cgroupEntry(cgroupPaths)
  const firstTask = context.descriptors.count
  const firstNamespace = firstTask + entry.tasks.length
  const filter = planSeccomp(context.linux?.seccomp, false, context.compileFilter)
  const joined = joinOrderOf(context.host).flatMap((type) => context.namespaces.filter((one) => one.type === type))
  const resctrl = enterResctrl(context.resctrl ?? [], firstNamespace + joined.length, '')
  return {
    host: [() => [
      ...entry.tasks.map(({ path }): Operation => ({ op: 'openDescriptor', field: '', path, flags: O_WRONLY, type: 0 })),
      ...joined.map(({ type, path }): Operation => ({ op: 'openDescriptor', field: '', path, flags: 0, type: namespaceFlags[type] })),
      ...resctrl.prepare,
      { op: 'clone', field: '', flags: 0, cgroup: entry.into, bare: 0 },
      ...planOomScore(process, ''),
    ]],
    init: [
      () => [
        ...affinity.before,
        ...(attached ? [{ op: 'awaitCgroup', field: '' } as const] : []),
        ...entry.tasks.map(({ path }, at): Operation => ({ op: 'joinCgroup', field: '', descriptor: firstTask + at, path })),
        ...affinity.after,
        ...resctrl.join,
        ...joined.map(({ type, path }, at): Operation =>
          ({ op: 'enterNamespace', field: '', descriptor: firstNamespace + at, flags: namespaceFlags[type], path })),
        ...(joined.some(({ type }) => type === 'user') ? [{ op: 'becomeRoot', field: '' } as const] : []),
        ...(joined.some(({ type }) => type === 'pid') ? [{ op: 'fork', field: '' } as const] : []),
        { op: 'newSession', field: '' },
        ...(context.noNewKeyring ? [] : planKeyring(context.id, process, '')),
        ...(context.rootfs === undefined ? [] : [
          { op: 'openRoot', field: '', path: context.rootfs, bind: 0 }, { op: 'changeRoot', field: '', path: context.rootfs },
        ] as const),
        ...planConsole(process, context.descriptors, '', false),
        ...planPidfd(context.descriptors, 'setns'),
        ...planDomain(context.linux),
      ],
      ...planProcess(process, context.descriptors, {
        host: context.host, field: '', groupsDenied: context.groupsDenied, keepGroups: context.keepGroups,
        filtered: context.linux?.seccomp !== undefined,
      }),
      () => [{ op: 'awaitStart', field: '', fifo: NO_SLOT }, ...filter.beforeExec, planExecute(process, '')],
    ],
  }
}
