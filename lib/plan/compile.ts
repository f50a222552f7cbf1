/**
 * Spec -> plan. The order of the parts below is the order in which they are executed.
 */
import { cgroupOperations } from '../cgroup/operations.ts'
import { cgroupOwner } from '../cgroup/owner.ts'
import { NruncError } from '../errors.ts'
import type { ProcessSpec, Spec } from '../spec/schema.ts'
import type { PlanContext } from './context.ts'
import { planDevices } from './devices.ts'
import { type HookOutput, type HookState, planHookOutput, planHooks } from './hooks.ts'
import { type IdentityFacts, keepOriginalGroups } from './identity.ts'
import { planKeyring, requireMountLabels } from './labels.ts'
import { planMappedTrees } from './mapped-trees.ts'
import { type MountPlan, planMounts } from './mounts.ts'
import { type NamespacePlan, planNames, planNamespaces } from './namespaces.ts'
import { planNetDevices } from './net-devices.ts'
import { NO_SLOT, type Operation, type Plan } from './operations.ts'
import { planConsole, planExecute, planPidfd, planProcess } from './process.ts'
import { planDomain } from './scheduling.ts'
import { planResctrl } from './resctrl.ts'
import { planSeccomp } from './seccomp.ts'
import { planPivot, planRoot, planSysctl } from './rootfs.ts'

const O_WRONLY = 1

/**
 * The plan of a container's first process. Its part for init is made when it is asked for, so that it can be made while
 * the host is already at its own.
 *
 * @throws NruncError ERR_CONFIG_INVALID or ERR_CGROUP for what only the host's facts show to be impossible; the getter
 * of the part for init too
 */
export function compile(spec: Spec, process: ProcessSpec, context: PlanContext): Plan {
  const cgroups = cgroupOperations(context.cgroupHost, context.cgroups, spec.linux?.resources, {
    devices: spec.linux?.devices, has: context.hasCgroupFile,
    owner: context.host.uid === 0 ? cgroupOwner(spec, process) : undefined,
  })
  const firstTask = context.descriptors.count
  const namespaces = planNamespaces(spec, context.host, firstTask + cgroups.tasks.length, context.descriptors.network)
  const trees = planMappedTrees(spec, context, firstTask + cgroups.tasks.length + namespaces.open.length)
  const join = cgroups.tasks.map(({ path }, at): Operation =>
    ({ op: 'joinCgroup', field: context.cgroups.field, descriptor: firstTask + at, path }))
  const scope = context.cgroups.scope !== undefined
  const awaitCgroup: Operation = { op: 'awaitCgroup', field: context.cgroups.field }
  const resctrl = planResctrl(context.resctrl, firstTask + cgroups.tasks.length + namespaces.open.length + trees.open.length)
  const outputSlot = firstTask + cgroups.tasks.length + namespaces.open.length + trees.open.length + resctrl.join.length
  const output = planHookOutput(spec, outputSlot)
  return {
    host: [
      ...(scope ? [] : cgroups.prepare),
      ...cgroups.tasks.map(({ path }): Operation =>
        ({ op: 'openDescriptor', field: context.cgroups.field, path, flags: O_WRONLY, type: 0 })),
      ...namespaces.open, ...trees.open, ...resctrl.prepare, ...output.open,
      { op: 'clone', field: spec.linux?.namespaces === undefined ? '' : '/linux/namespaces', flags: namespaces.flags, cgroup: cgroups.into },
      ...namespaces.mapIds, ...planOomScore(process, '/process'), ...planNetDevices(spec, context.host, namespaces),
    ],
    get init() { return [...this.initParts!()].flat() },
    * initParts() {
      yield [...(scope ? [awaitCgroup] : join), ...resctrl.join]
      const mounts = namespaces.has('mount') ? planMounts(spec, context, namespaces, trees, outputSlot + output.open.length) : undefined
      yield []
      yield* planInit(spec, process, context, namespaces, mounts, output)
    },
    ...(scope ? { cgroup: { prepare: cgroups.prepare, limits: cgroups.limits } } : {}),
  }
}

function* planInit(
  spec: Spec, process: ProcessSpec, context: PlanContext, namespaces: NamespacePlan, mounts: MountPlan | undefined, output: HookOutput,
): Generator<readonly Operation[], void> {
  const { hooks } = spec
  const identity = identityFacts(spec, context, namespaces.mapIds)
  yield [
    ...namespaces.enter,
    { op: 'newSession', field: '' },
    ...(context.noNewKeyring ? [] : planKeyring(context.id, process, '/process')),
    ...planNames(spec, namespaces),
  ]
  yield mounts !== undefined ? planFiles(spec, process, context, namespaces, mounts) : planChroot(spec, process, context)
  yield [
    ...(hooks?.prestart?.length || hooks?.createRuntime?.length || context.awaitRuntimeHooks ? [{ op: 'awaitRuntimeHooks', field: '/hooks' } as const] : []),
    ...output.begin,
    ...planHooks(hooks?.createContainer, 'createContainer', hookState(spec, context, 'creating')),
    ...(mounts !== undefined ? [...mounts.paths, ...planPivot(spec, context)] : []),
    ...planSysctl(spec),
  ]
  yield context.awaitsPlan
    ? [...output.end, { op: 'awaitPlan', field: '' }]
    : planProgram(spec, process, context, identity, { op: 'awaitStart', field: '', fifo: context.descriptors.fifo ?? NO_SLOT }, output.end)
}

/** From the container that stands to the program that runs; READY comes before anything of the container is executed. */
function planProgram(
  spec: Spec, process: ProcessSpec, context: PlanContext, identity: IdentityFacts, ready: Operation, afterHooks: readonly Operation[] = [],
): Operation[] {
  const filter = planSeccomp(spec.linux?.seccomp, context.descriptors.fifo !== undefined, context.compileFilter)
  return [
    ...planPidfd(context.descriptors, 'standard'),
    ...planDomain(spec.linux),
    ...planProcess(process, context.descriptors, identity),
    ...filter.beforeStart,
    ready,
    ...planHooks(spec.hooks?.startContainer, 'startContainer', hookState(spec, context, 'created')),
    ...afterHooks,
    ...filter.beforeExec,
    planExecute(process, '/process'),
  ]
}

/**
 * The plan for an init that waits in `awaitPlan`: which program, and for it what can still be changed.
 *
 * @param hostname whether it has to be set again
 */
export function compileProgram(spec: Spec, process: ProcessSpec, context: PlanContext, hostname: boolean): Operation[] {
  const { mapIds, has } = planNamespaces(spec, context.host, 0)
  if (process.terminal && !has('mount')) throw needsMounts('/process/terminal')
  return [
    ...planConsole(process, context.descriptors, '/process', true),
    ...(hostname ? [{ op: 'setHostname', field: '/hostname', name: spec.hostname ?? '' } as const] : []),
    ...planProgram(spec, process, context, identityFacts(spec, context, mapIds), { op: 'closeDescriptors', field: '' }),
  ]
}

const identityFacts = (spec: Spec, { host }: PlanContext, mapIds: readonly Operation[]): IdentityFacts => ({
  host, field: '/process', keepGroups: keepOriginalGroups(spec.annotations),
  groupsDenied: mapIds.some((one) => one.op === 'mapIds' && one.denySetgroups === 1),
  filtered: spec.linux?.seccomp !== undefined,
})

/** The mounts and what stands on them, all of it before the runtime hooks, which may want to add to it. */
function planFiles(
  spec: Spec, process: ProcessSpec, context: PlanContext, namespaces: NamespacePlan, mounts: MountPlan,
): Operation[] {
  requireMountLabels(spec, context.host)
  return [
    ...planRoot(spec, context),
    ...mounts.mounts,
    ...(mounts.bindsDev ? [] : planDevices(spec, namespaces)),
    ...(context.awaitsPlan ? [] : planConsole(process, context.descriptors, '/process', true)),
    { op: 'makeDirectory', field: '/process/cwd', path: process.cwd, mode: 0o755 },
    ...mounts.finish,
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
