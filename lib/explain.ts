/**
 * The plan of a container, without making one.
 */
import { resolve } from 'node:path'
import { checkSpec, refuseHostNamespaces } from './bundle/bundle.ts'
import { cgroupFiles, cgroupHost } from './cgroup/detect.ts'
import type { CgroupHost } from './cgroup/host.ts'
import { predictLayout } from './cgroup/predict.ts'
import { hostFacts, isRootless } from './bundle/facts.ts'
import { checkManager, checkOptions, type RuntimeOptions } from './options/options.ts'
import { compile } from './plan/compile.ts'
import { type GivenDescriptors, type HostFacts, placed } from './plan/context.ts'
import { describeOperation, slotNames } from './plan/describe.ts'
import { NO_SLOT, type Operation, type OperationName, operationsOf } from './plan/operations.ts'
import { layoutResctrl } from './resctrl/group.ts'
import { type ResctrlHost, resctrlHost } from './resctrl/host.ts'
import type { Hook, Spec } from './spec/schema.ts'
import { requireProcess } from './spec/validate.ts'

/** What {@link explain} takes. */
export interface ExplainOptions {
  /** Id of the container, which is in the names of its cgroups and of its keyring. Default `container`. */
  readonly id?: string | undefined
  /** Directory that relative paths are relative to. Default: the working directory. */
  readonly bundle?: string | undefined
  readonly noPivot?: boolean | undefined
  readonly noNewKeyring?: boolean | undefined
  /** As the runtime's. systemd is not asked where its managers are. */
  readonly cgroupManager?: RuntimeOptions['cgroupManager']
  readonly rootless?: RuntimeOptions['rootless']
  /** What the plan is for, where it is not this host and this user; nothing is read from the host then. */
  readonly facts?: { readonly host: HostFacts; readonly cgroups: CgroupHost; readonly resctrl?: ResctrlHost | undefined } | undefined
}

/** One step of the plan of a container. */
export interface ExplainedStep {
  /** `host`: this process and its threads; `init`: the container's first process. */
  readonly by: 'host' | 'init'
  /** What errors call it, in {@link NruncError.step}; or the kind of a hook that the host runs. */
  readonly step: OperationName | 'prestart' | 'createRuntime' | 'poststart'
  /** JSON pointer of the field that it comes from, `''` for none. */
  readonly field: string
  /** The step as a line of text. */
  readonly text: string
  readonly arguments: Readonly<Record<string, unknown>>
}

const known = new Set(['id', 'bundle', 'noPivot', 'noNewKeyring', 'cgroupManager', 'rootless', 'facts'])

/**
 * What `create` and `start` would do with a config, step by step in the order of execution. Nothing is made or changed,
 * and no privilege is needed; the host's cgroups, limits and namespaces are looked at, unless `facts` are given.
 *
 * @throws NruncError ERR_CONFIG_INVALID, ERR_CGROUP, ERR_OPTION_INVALID, as `create`
 * @example
 * for (const { by, text } of explain(spec, { bundle: '/srv/web' })) console.log(by, text)
 */
export function explain(config: Spec, options: ExplainOptions = {}): ExplainedStep[] {
  checkOptions(options, known)
  const { id = 'container', bundle = '.', facts, noPivot, noNewKeyring } = options
  const { cgroupManager, rootless } = checkManager(options)
  const spec = checkSpec(config)
  const process = requireProcess(spec)
  if (facts === undefined) refuseHostNamespaces(spec)
  const host = facts?.host ?? hostFacts()
  const cgroups = facts?.cgroups ?? cgroupHost()
  const { slots, descriptors } = describeDescriptors(process.terminal ?? false)
  const layout = predictLayout(cgroupManager, cgroups, {
    id, cgroupsPath: spec.linux?.cgroupsPath, resources: spec.linux?.resources,
    rootless: rootless === 'auto' && facts !== undefined ? host.uid !== 0 : isRootless(rootless),
  }, host.uid)
  const plan = compile(spec, process, {
    id, bundle: resolve(bundle), host, cgroupHost: cgroups, descriptors, noPivot, noNewKeyring, ...placed(layout),
    resctrl: layoutResctrl(spec.linux?.intelRdt, id, facts === undefined ? resctrlHost() : facts.resctrl),
    hasCgroupFile: facts === undefined ? cgroupFiles(cgroups) : undefined,
  })
  const ofHost = operationsOf(plan.host)
  const names = slotNames(slots, ofHost)
  const step = (by: 'host' | 'init') => (operation: Operation): ExplainedStep => {
    const { op, field, ...rest } = operation
    return { by, step: op, field, text: describeOperation(operation, names), arguments: rest }
  }
  const hooks = (kind: 'prestart' | 'createRuntime' | 'poststart') => (spec.hooks?.[kind] ?? []).map(hookStep(kind))
  return [
    ...ofHost.map(step('host')),
    ...operationsOf(plan.init).flatMap((operation) => [
      step('init')(operation),
      ...(operation.op === 'awaitCgroup' ? (plan.cgroup?.prepare ?? []).map(step('host')) : []),
      ...(operation.op === 'awaitRuntimeHooks' ? [...hooks('prestart'), ...hooks('createRuntime')] : []),
    ]),
    ...hooks('poststart'),
  ]
}

const hookStep = (kind: 'prestart' | 'createRuntime' | 'poststart') => (hook: Hook, index: number): ExplainedStep => {
  const field = `/hooks/${kind}/${index}`
  return { by: 'host', step: kind, field, text: `run hook ${JSON.stringify(hook.path)} (${field})`, arguments: { ...hook } }
}

/** Those of `create` with pipes or a terminal. */
function describeDescriptors(terminal: boolean): { slots: string[]; descriptors: GivenDescriptors } {
  const slots = terminal ? ['exec.fifo'] : ['stdin', 'stdout', 'stderr', 'exec.fifo']
  const stdio = terminal ? [NO_SLOT, NO_SLOT, NO_SLOT] as const : [0, 1, 2] as const
  return { slots, descriptors: { count: slots.length, stdio, fifo: slots.length - 1, preserved: [] } }
}
