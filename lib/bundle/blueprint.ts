/**
 * A checked config on its way to a plan: what can be known before a container has an id.
 */
import { dirname } from 'node:path'
import { type Bundle, refuseHostNamespaces } from './bundle.ts'
import { cgroupFiles, cgroupHost } from '../cgroup/detect.ts'
import type { CgroupPlanner } from '../cgroup/driver.ts'
import type { CgroupLayout } from '../cgroup/layout.ts'
import { firstEntry } from '../cgroup/operations.ts'
import { hostFacts } from './facts.ts'
import { hasHookFunctions } from '../start/hooks.ts'
import { Layouts } from './layouts.ts'
import { CloneAhead } from '../native/ahead.ts'
import type { CreateOptions } from '../options/options.ts'
import { takesBareMounts } from '../plan/bare-mounts.ts'
import { compile, compileProgram } from '../plan/compile.ts'
import { type GivenDescriptors, placed, type PlanContext, watchedContext } from '../plan/context.ts'
import { cloneFlags } from '../plan/namespaces.ts'
import type { Plan } from '../plan/operations.ts'
import type { CompileFilter } from '../plan/seccomp.ts'
import { encodeInTurns, type EncodedPlan, encodePlan, PlanTemplates } from '../plan/template.ts'
import { layoutResctrl, type ResctrlGroup } from '../resctrl/group.ts'
import { resctrlHost } from '../resctrl/host.ts'
import { cachedProgram } from '../seccomp/cache.ts'
import { type Change, type Changes, changesOf } from '../spec/changes.ts'
import { type Fact, watchedSpec } from '../spec/looked.ts'
import type { ProcessSpec, Spec } from '../spec/schema.ts'
import { ValidSpec } from '../spec/valid.ts'
import { requireProcess } from '../spec/validate.ts'
import { serviceSpec } from '../start/service.ts'
import { Turns } from '../turns.ts'

/** Options that change the plan, besides the descriptors. */
export type PlanOptions = Pick<CreateOptions, 'noPivot' | 'noNewKeyring' | 'listenFds' | 'notify' | 'hooks'>

/** Options that only the compiler sees. */
type CompileOptions = Pick<PlanContext, 'noPivot' | 'noNewKeyring' | 'awaitRuntimeHooks' | 'resctrl' | 'compileFilter' | 'awaitsPlan'>

/** What is made of a blueprint for one id. */
export interface Draft {
  readonly layout: CgroupLayout
  readonly resctrl: ResctrlGroup | undefined
  readonly plan: EncodedPlan
}

interface BlueprintOptions {
  /** Its plans are kept. */
  readonly forMany?: boolean
  /** Where the config allows it its containers do not begin with the host's mounts, see `takesBareMounts`. */
  readonly bareMounts?: boolean
  /** Each container has the cgroup of its id below this one, instead of `cgroupsPath`; its scope in this slice. */
  readonly cgroupsParent?: string | undefined
  /** That of the config which was changed, and what was. */
  readonly base?: Blueprint
  readonly changed?: ReadonlySet<Change>
}

/** How a plan is made: `compile`, or for a program alone. */
type Compile = (spec: Spec, process: ProcessSpec, context: PlanContext) => Plan

export class Blueprint {
  /** Absolute path of the bundle. */
  readonly bundle: string
  /** Frozen when the blueprint is for many containers. */
  readonly spec: Spec
  readonly process: ProcessSpec
  /** This one, or the one that was changed: it keeps the plans. */
  readonly #base: Blueprint
  readonly #changed: ReadonlySet<Change>
  /** None for a blueprint that is used once. */
  readonly #templates: PlanTemplates | undefined
  readonly #cgroupsParent: string | undefined
  readonly #bareMounts: boolean
  #valid: ValidSpec | undefined
  #layouts: Layouts | undefined
  /** That of its last plan, where the host need not do anything before. */
  #clone: { readonly flags: number; readonly bare: boolean } | undefined

  /** @throws NruncError ERR_CONFIG_INVALID without a process */
  constructor({ path, spec }: Bundle, { forMany = false, cgroupsParent, bareMounts = false, base, changed = new Set() }: BlueprintOptions = {}) {
    this.bundle = path
    this.spec = forMany ? freeze(structuredClone(spec)) : spec
    this.process = requireProcess(this.spec)
    this.#base = base ?? this
    this.#changed = changed
    this.#templates = forMany ? new PlanTemplates() : undefined
    this.#cgroupsParent = cgroupsParent
    this.#bareMounts = bareMounts
  }

  /** Whether its plans are kept. */
  get forMany(): boolean { return this.#base.#templates !== undefined }

  /**
   * That of the config with CHANGES: only they are checked and compiled.
   *
   * @throws NruncError ERR_CONFIG_INVALID; the fields are those of the changed config
   */
  with(changes: Changes): Blueprint {
    const changed = changesOf(changes)
    if (changed.size === 0) return this
    this.#valid ??= new ValidSpec(this.spec)
    return new Blueprint({ path: this.bundle, spec: this.#valid.with(changes) }, { base: this, changed })
  }

  /** Init for a start that begins, while its plan is being made; once one was compiled. */
  cloneAhead(): CloneAhead | undefined {
    const clone = this.#base.#clone
    return clone === undefined ? undefined : new CloneAhead(clone.flags, clone.bare)
  }

  /**
   * PLANNER is that of the runtime, the same for every call; DIRECTORY is the container's state directory. CLONEAHEAD is
   * called as soon as the flags of the clone are known, before what takes longer.
   *
   * @throws NruncError ERR_CONFIG_INVALID, ERR_CGROUP for what only this host shows to be impossible
   */
  async draft(
    id: string, descriptors: GivenDescriptors, planner: CgroupPlanner, options: PlanOptions & CompileOptions, directory: string,
    cloneAhead: (flags: number) => void = () => {},
  ): Promise<Draft> {
    const turns = new Turns()
    hostFacts()
    cgroupHost()
    await turns.give() // the first time it is all read
    refuseHostNamespaces(this.spec)
    const layout = this.#layoutOf(id, planner)
    // Init in a cgroup of version 2 is born there, once that is made.
    const clonesFirst = descriptors.network === undefined && layout.scope === undefined && firstEntry(layout).into === ''
    // That of a container that is one of many was cloned already.
    if (!this.forMany && clonesFirst) cloneAhead(cloneFlags(this.spec))
    const { noPivot = false, noNewKeyring = false, awaitsPlan = false, hooks } = options
    const awaitRuntimeHooks = hasHookFunctions(hooks, 'prestart', 'createRuntime')
    const { intelRdt } = this.spec.linux ?? {}
    const resctrl = intelRdt === undefined ? undefined : layoutResctrl(intelRdt, id, resctrlHost())
    const given = { noPivot, noNewKeyring, awaitsPlan, awaitRuntimeHooks, resctrl, compileFilter: filterCompiler(directory) }
    if (!this.forMany || !planner.simple || options.listenFds || options.notify || resctrl !== undefined) {
      const { spec, process } = serviceSpec(this.spec, this.process, directory, options)
      const plan = compile(spec, process, this.#context(id, layout, descriptors, given))
      return { layout, resctrl, plan: await encodeInTurns(plan, turns) }
    }
    const context = this.#context(id, layout, descriptors, given)
    const plan = await this.#splice(compile, [noPivot, noNewKeyring, awaitsPlan, awaitRuntimeHooks], context, (one) => this.#base.#layoutOf(one, planner))
    if (clonesFirst) this.#base.#clone = { flags: cloneFlags(this.spec), bare: takesBareMounts(this.spec, context) }
    return { layout, resctrl, plan }
  }

  /** The plan of the program, for a container that waits for it. HOSTNAME: it is another one than the container has. */
  async program(id: string, descriptors: GivenDescriptors, cgroups: CgroupLayout, hostname: boolean, directory: string): Promise<Uint8Array> {
    const context = this.#context(id, cgroups, descriptors, { compileFilter: filterCompiler(directory) })
    const make: Compile = (...source) => compileProgram(...source, hostname)
    return (await this.#splice(make, ['program', hostname], context, () => cgroups)).init
  }

  /** What MAKE gives. What does not differ from start to start is kept under KEY; LAYOUTOF: for the config before the changes. */
  async #splice(make: Compile, key: readonly unknown[], context: PlanContext, layoutOf: (id: string) => CgroupLayout): Promise<EncodedPlan> {
    const { terminal, ...descriptors } = context.descriptors
    const base = this.#base
    const own = (): Plan => make(this.spec, this.process, context)
    const template = await base.#templates!.get(JSON.stringify([descriptors, ...key]), (id) => {
      const spec = watchedSpec(base.spec)
      return make(spec, spec.process!, watchedContext({ ...context, id, ...placed(layoutOf(id)) }))
    }).catch(() => undefined)
    if (template === undefined) return encodePlan(own()) // what is wrong may have been changed
    const changed = new Set<Fact>(this.#changed)
    if (terminal !== undefined) changed.add('terminal') // its size
    if (context.taskFiles !== base.#layouts?.taskFiles) changed.add('taskFiles')
    return template.of(context.id, { changed, compile: own })
  }

  #context(id: string, cgroups: CgroupLayout, descriptors: GivenDescriptors, options: CompileOptions): PlanContext {
    const hierarchies = cgroupHost()
    return {
      id, bundle: this.bundle, host: hostFacts(), cgroupHost: hierarchies, ...placed(cgroups), hasCgroupFile: cgroupFiles(hierarchies),
      descriptors, bareMounts: this.#base.#bareMounts, ...options,
    }
  }

  #layoutOf(id: string, planner: CgroupPlanner): CgroupLayout {
    const base = this.#base
    if (this.#changed.has('cgroupsPath')) return this.#computeLayout(id, planner)
    if (!planner.simple || base.#templates === undefined) return base.#computeLayout(id, planner)
    base.#layouts ??= new Layouts((one) => base.#computeLayout(one, planner))
    return base.#layouts.of(id)
  }

  #computeLayout(id: string, planner: CgroupPlanner): CgroupLayout {
    const { linux } = this.spec
    const cgroupsPath = this.#cgroupsParent === undefined ? linux?.cgroupsPath : planner.below(this.#cgroupsParent, id)
    return planner.layout(cgroupHost(), { id, cgroupsPath, resources: linux?.resources })
  }
}

/** Filters are kept below the runtime's root. DIRECTORY is a container's. */
function filterCompiler(directory: string): CompileFilter {
  const root = dirname(directory)
  return (profile) => cachedProgram(root, profile)
}

/** All of it: what many containers share must not be changed through one of them. */
function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.values(value).forEach(freeze)
  return Object.freeze(value)
}

