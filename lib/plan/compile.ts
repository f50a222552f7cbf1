/**
 * Spec -> plan. The order of the parts below is the order in which they are executed. Where many plans are made of configs that
 * differ in little, only those parts are made again that looked at what is different (template.ts): what a start can change
 * is looked at in as few of them as possible.
 */
import type { CgroupLayout } from '../cgroup/layout.ts'
import { cgroupOperations, firstEntry } from '../cgroup/operations.ts'
import { cgroupOwner } from '../cgroup/owner.ts'
import { NruncError } from '../errors.ts'
import { once } from '../spec/looked.ts'
import type { ProcessSpec, Spec } from '../spec/schema.ts'
import { takesBareMounts } from './bare-mounts.ts'
import type { PlanContext } from './context.ts'
import { planDevices } from './devices.ts'
import { type HookState, planHookOutput, planHooks } from './hooks.ts'
import { type IdentityFacts, keepOriginalGroups } from './identity.ts'
import { planKeyring, requireMountLabels } from './labels.ts'
import { bindsDev, type MountPlan, planMounts } from './mounts.ts'
import { type NamespacePlan, planNames, planNamespaces } from './namespaces.ts'
import { planNetDevices } from './net-devices.ts'
import { NO_SLOT, type Operation, type Part, type Plan } from './operations.ts'
import { planConsole, planExecute, planPidfd, planProcess } from './process.ts'
import { planDomain } from './scheduling.ts'
import { planResctrl } from './resctrl.ts'
import { planSeccomp } from './seccomp.ts'
import { planPivot, planRoot, planSysctl } from './rootfs.ts'
import { planTrees, type Trees } from './trees.ts'

const O_WRONLY = 1

/**
 * The plan of a container's first process. Its parts are made when they are asked for: those for init while the host is
 * already at its own.
 *
 * @throws NruncError ERR_CONFIG_INVALID or ERR_CGROUP for what only the host's facts show to be impossible; its parts too
 */
export function compile(spec: Spec, process: ProcessSpec, context: PlanContext): Plan {
  const firstTask = context.descriptors.count
  const namespaces = planNamespaces(spec, context.host, firstTask + context.taskFiles, context.descriptors.network)
  const firstTree = firstTask + context.taskFiles + namespaces.open.length
  const bare = once(() => takesBareMounts(spec, context))
  const trees = once(() => planTrees(spec, context, namespaces, bare(), firstTree))
  const resctrl = once(() => planResctrl(context.resctrl, firstTree + trees().open.length))
  const firstOutput = (): number => firstTree + trees().open.length + resctrl().join.length
  const output = once(() => planHookOutput(spec, firstOutput()))
  const mounts = once(() => planMounts(spec, context, namespaces, trees(), firstOutput() + output().open.length))
  const cgroups = once(() => cgroupOperations(context.cgroupHost, context.cgroups, spec.linux?.resources, {
    devices: spec.linux?.devices, has: context.hasCgroupFile,
    owner: () => (context.host.uid === 0 ? cgroupOwner(spec, process) : undefined),
  }))
  return {
    host: [
      () => (context.cgroups.scope === undefined ? cgroups().prepare : []),
      () => firstEntry(context.cgroups).tasks.map(({ path }): Operation =>
        ({ op: 'openDescriptor', field: context.cgroups.field, path, flags: O_WRONLY, type: 0 })),
      () => namespaces.open,
      () => [...trees().open, ...resctrl().prepare, ...output().open],
      () => [{
        op: 'clone', field: spec.linux?.namespaces === undefined ? '' : '/linux/namespaces', flags: namespaces.flags,
        cgroup: firstEntry(context.cgroups).into, bare: bare() ? 1 : 0,
      }],
      () => [...namespaces.mapIds, ...planOomScore(process, '/process'), ...planNetDevices(spec, context.host, namespaces)],
    ],
    init: [
      () => [...planJoin(context.cgroups, firstTask), ...resctrl().join],
      () => [
        ...namespaces.enter,
        { op: 'newSession', field: '' },
        ...(context.noNewKeyring ? [] : planKeyring(context.id, process, '/process')),
      ],
      () => planNames(spec, namespaces),
      ...(namespaces.has('mount') ? planFiles(spec, process, context, namespaces, trees, mounts) : [() => planChroot(spec, process, context)]),
      () => awaitRuntimeHooks(spec, context),
      () => [...output().begin, ...planHooks(spec.hooks?.createContainer, 'createContainer', () => hookState(spec, context, 'creating'))],
      ...(namespaces.has('mount') ? [() => mounts().paths, () => planPivot(spec, context)] : []),
      () => planSysctl(spec),
      ...(context.awaitsPlan
        ? [() => output().end, (): Operation[] => [{ op: 'awaitPlan', field: '' }]]
        : planProgram(spec, process, context, identityFacts(spec, context, namespaces.mapIds), {
          ready: { op: 'awaitStart', field: '', fifo: context.descriptors.fifo ?? NO_SLOT }, afterHooks: () => output().end,
        })),
    ],
    get cgroup() {
      return context.cgroups.scope === undefined ? undefined : cgroups()
    },
  }
}

/** systemd puts a process into its scope while it waits. */
function planJoin(cgroups: CgroupLayout, firstSlot: number): Operation[] {
  const { scope, field } = cgroups
  if (scope !== undefined) return [{ op: 'awaitCgroup', field }]
  return firstEntry(cgroups).tasks.map(({ path }, at): Operation => ({ op: 'joinCgroup', field, descriptor: firstSlot + at, path }))
}

function awaitRuntimeHooks({ hooks }: Spec, context: PlanContext): Operation[] {
  const wanted = hooks?.prestart?.length || hooks?.createRuntime?.length || context.awaitRuntimeHooks
  return wanted ? [{ op: 'awaitRuntimeHooks', field: '/hooks' }] : []
}

/** Before anything of the container is executed, and after the last hook. */
interface ProgramStages {
  readonly ready: Operation
  readonly afterHooks: Part
}

/** From the container that stands to the program that runs. */
function planProgram(
  spec: Spec, process: ProcessSpec, context: PlanContext, identity: IdentityFacts, { ready, afterHooks }: ProgramStages,
): Part[] {
  const filter = once(() => planSeccomp(spec.linux?.seccomp, context.descriptors.fifo !== undefined, context.compileFilter))
  return [
    () => [...planPidfd(context.descriptors, 'standard'), ...planDomain(spec.linux)],
    ...planProcess(process, context.descriptors, identity),
    () => [...filter().beforeStart, ready],
    () => planHooks(spec.hooks?.startContainer, 'startContainer', () => hookState(spec, context, 'created')),
    afterHooks,
    () => filter().beforeExec,
    () => [planExecute(process, '/process')],
  ]
}

/**
 * The plan for an init that waits in `awaitPlan`: which program, and for it what can still be changed.
 *
 * @param hostname whether it has to be set again
 */
export function compileProgram(spec: Spec, process: ProcessSpec, context: PlanContext, hostname: boolean): Plan {
  const { mapIds, has } = planNamespaces(spec, context.host, 0)
  return {
    host: [],
    init: [
      () => {
        if (process.terminal && !has('mount')) throw needsMounts('/process/terminal')
        return planConsole(process, context.descriptors, '/process', true)
      },
      () => (hostname ? [{ op: 'setHostname', field: '/hostname', name: spec.hostname ?? '' }] : []),
      ...planProgram(spec, process, context, identityFacts(spec, context, mapIds), {
        ready: { op: 'closeDescriptors', field: '' }, afterHooks: () => [],
      }),
    ],
  }
}

const identityFacts = (spec: Spec, { host }: PlanContext, mapIds: readonly Operation[]): IdentityFacts => ({
  host, field: '/process', get keepGroups() { return keepOriginalGroups(spec.annotations) },
  groupsDenied: mapIds.some((one) => one.op === 'mapIds' && one.denySetgroups === 1),
  filtered: spec.linux?.seccomp !== undefined,
})

/** The mounts and what stands on them, all of it before the runtime hooks, which may want to add to it. */
function planFiles(
  spec: Spec, process: ProcessSpec, context: PlanContext, namespaces: NamespacePlan, trees: () => Trees, mounts: () => MountPlan,
): Part[] {
  return [
    () => {
      requireMountLabels(spec, context.host)
      return planRoot(spec, context, trees().root)
    },
    () => mounts().mounts,
    () => (bindsDev(spec) ? [] : planDevices(spec, namespaces)),
    () => (context.awaitsPlan ? [] : planConsole(process, context.descriptors, '/process', true)),
    () => [{ op: 'makeDirectory', field: '/process/cwd', path: process.cwd, mode: 0o755 }],
    () => mounts().finish,
  ]
}

/** Without a mount namespace of its own a container may only change its root: mounts would be the host's. */
function planChroot(spec: Spec, process: ProcessSpec, context: PlanContext): Operation[] {
  const misplaced = spec.linux?.mountLabel ? '/linux/mountLabel' : spec.mounts?.length ? '/mounts' : spec.root.readonly ? '/root/readonly' : process.terminal ? '/process/terminal' : undefined
  if (misplaced !== undefined) throw needsMounts(misplaced)
  const [, open] = planRoot(spec, context)
  return [{ ...open, bind: 0 } as Operation, { op: 'changeRoot', field: '/root/path', path: spec.root.path }]
}

const needsMounts = (field: string): NruncError =>
  new NruncError('ERR_CONFIG_INVALID', `${field} needs a mount namespace`, { field })

/** Unset means unchanged. */
export function planOomScore(process: ProcessSpec, field: string): Operation[] {
  if (process.oomScoreAdj === undefined) return []
  return [{ op: 'adjustOomScore', field: `${field}/oomScoreAdj`, value: String(process.oomScoreAdj) }]
}

/** runtime-spec runtime.md "State", in the compact form that hooks of other runtimes are used to. */
function hookState(spec: Spec, context: PlanContext, status: string): HookState {
  const rest = { bundle: context.bundle, ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }) }
  return {
    head: `{"ociVersion":${JSON.stringify(spec.ociVersion)},"id":${JSON.stringify(context.id)},"status":"${status}","pid":`,
    tail: `,${JSON.stringify(rest).slice(1)}`,
  }
}
