/**
 * A checked config on its way to a plan: what can be known before a container has an id.
 */
import { dirname, resolve } from 'node:path'
import { type Bundle, parsingSpec, readConfig, refuseHostNamespaces } from './bundle.ts'
import { cgroupFiles, cgroupHost } from '../cgroup/detect.ts'
import type { CgroupPlanner } from '../cgroup/driver.ts'
import type { CgroupLayout } from '../cgroup/layout.ts'
import { cgroupEntry } from '../cgroup/operations.ts'
import { hostFacts } from './facts.ts'
import { hasHookFunctions } from '../start/hooks.ts'
import type { CreateOptions } from '../options/options.ts'
import { compile, compileProgram } from '../plan/compile.ts'
import type { GivenDescriptors, PlanContext } from '../plan/context.ts'
import { cloneFlags } from '../plan/namespaces.ts'
import { CloneAhead } from '../native/ahead.ts'
import type { Operation, Plan } from '../plan/operations.ts'
import type { CompileFilter } from '../plan/seccomp.ts'
import { compileInTurns, type EncodedPlan, encodePlan, openId, PlanTemplate, probeId } from '../plan/template.ts'
import { layoutResctrl, type ResctrlGroup } from '../resctrl/group.ts'
import { resctrlHost } from '../resctrl/host.ts'
import { cachedProgram } from '../seccomp/cache.ts'
import { serviceSpec } from '../start/service.ts'
import type { ProcessSpec, Spec } from '../spec/schema.ts'
import { requireProcess } from '../spec/validate.ts'
import { inTurns, Turns } from '../turns.ts'

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

/** How many combinations of descriptors and options a blueprint keeps compiled. */
const kept = 8

interface BlueprintOptions {
  /** Its plans are kept. */
  readonly forMany?: boolean
  /** Each container has the cgroup of its id below this one, instead of `cgroupsPath`; its scope in this slice. */
  readonly cgroupsParent?: string | undefined
}

export class Blueprint {
  /** Absolute path of the bundle. */
  readonly bundle: string
  /** Frozen when the blueprint is for many containers. */
  readonly spec: Spec
  readonly process: ProcessSpec
  /** Compiled plans by what they depend on besides the id; none for a blueprint that is used once. */
  readonly #templates: Map<string, Promise<PlanTemplate>> | undefined
  readonly #cgroupsParent: string | undefined
  #layout: string | undefined
  #lastLayout: { readonly id: string; readonly layout: CgroupLayout } | undefined
  /** Those of the clone of all its plans, where the host need not do anything before. */
  #flags: number | undefined

  /** @throws NruncError ERR_CONFIG_INVALID without a process */
  constructor({ path, spec }: Bundle, { forMany = false, cgroupsParent }: BlueprintOptions = {}) {
    this.#cgroupsParent = cgroupsParent
    this.bundle = path
    this.spec = forMany ? freeze(structuredClone(spec)) : spec
    this.process = requireProcess(this.spec)
    this.#templates = forMany ? new Map() : undefined
  }

  /** Whether its plans are kept. */
  get forMany(): boolean { return this.#templates !== undefined }

  /** Init for a start that begins, while its plan is being made; once one was compiled. */
  cloneAhead(): CloneAhead | undefined {
    return this.#flags === undefined ? undefined : new CloneAhead(this.#flags)
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
    const templates = planner.simple ? this.#templates : undefined
    const layout = templates === undefined ? this.#computeLayout(id, planner) : this.#layoutOf(id, planner)
    // Init of a container that is one of many was cloned already. One in a cgroup of version 2 is born there, once that is made.
    const bornInside = cgroupEntry(layout.paths).into !== ''
    if (!this.forMany && descriptors.network === undefined && layout.scope === undefined && !bornInside) cloneAhead(cloneFlags(this.spec))
    const { noPivot, noNewKeyring, awaitsPlan, hooks } = options
    const { intelRdt } = this.spec.linux ?? {}
    const resctrl = intelRdt === undefined ? undefined : layoutResctrl(intelRdt, id, resctrlHost())
    const given = {
      noPivot, noNewKeyring, awaitsPlan, compileFilter: filterCompiler(directory),
      awaitRuntimeHooks: hasHookFunctions(hooks, 'prestart', 'createRuntime'),
    }
    if (templates === undefined || options.listenFds || options.notify || resctrl !== undefined) {
      const planned = serviceSpec(this.spec, this.process, directory, options)
      return { layout, resctrl, plan: await compileInTurns(() => this.#compile(id, layout, descriptors, { ...given, resctrl }, planned), turns) }
    }
    const key = JSON.stringify([descriptors, noPivot ?? false, noNewKeyring ?? false, given.awaitRuntimeHooks, awaitsPlan ?? false])
    const template = await this.#template(key, (one) => this.#compile(one, this.#computeLayout(one, planner), descriptors, given))
    return { layout, resctrl, plan: template.of(id) }
  }

  /** The plan of the program, for a container that waits for it. HOSTNAME: it is another one than the container has. */
  async program(id: string, descriptors: GivenDescriptors, cgroups: CgroupLayout, hostname: boolean, directory: string): Promise<Uint8Array> {
    const options = { compileFilter: filterCompiler(directory) }
    const compileFor = (one: string): Plan =>
      ({ host: [], init: compileProgram(this.spec, this.process, this.#context(one, cgroups, descriptors, options), hostname) })
    if (this.#templates === undefined) return encodePlan(compileFor(id)).init
    return (await this.#template(JSON.stringify([descriptors, hostname, 'program']), compileFor)).of(id).init
  }

  #template(key: string, compileFor: (id: string) => Plan): Promise<PlanTemplate> {
    const templates = this.#templates!
    let template = templates.get(key)
    if (template === undefined) {
      template = PlanTemplate.of(compileFor)
      if (templates.size === kept) templates.delete(templates.keys().next().value!)
      templates.set(key, template)
      template.catch(() => templates.delete(key))
    }
    return template
  }

  #compile(
    id: string, cgroups: CgroupLayout, descriptors: GivenDescriptors, options: CompileOptions,
    { spec, process }: { readonly spec: Spec; readonly process: ProcessSpec } = this,
  ): Plan {
    const plan = compile(spec, process, this.#context(id, cgroups, descriptors, options))
    if (this.forMany && descriptors.network === undefined) this.#flags = flagsOf(plan)
    return plan
  }

  #context(id: string, cgroups: CgroupLayout, descriptors: GivenDescriptors, options: CompileOptions): PlanContext {
    const hierarchies = cgroupHost()
    return {
      id, bundle: this.bundle, host: hostFacts(), cgroupHost: hierarchies, cgroups, hasCgroupFile: cgroupFiles(hierarchies),
      descriptors, ...options,
    }
  }

  #computeLayout(id: string, planner: CgroupPlanner): CgroupLayout {
    const { linux } = this.spec
    const cgroupsPath = this.#cgroupsParent === undefined ? linux?.cgroupsPath : planner.below(this.#cgroupsParent, id)
    return planner.layout(cgroupHost(), { id, cgroupsPath, resources: linux?.resources })
  }

  #layoutOf(id: string, planner: CgroupPlanner): CgroupLayout {
    this.#layout ??= openLayout((one) => this.#computeLayout(one, planner))
    if (this.#layout === '') return this.#computeLayout(id, planner)
    if (this.#lastLayout?.id !== id) this.#lastLayout = { id, layout: fill(this.#layout, id) }
    return this.#lastLayout.layout
  }
}

/** Filters are kept below the runtime's root. DIRECTORY is a container's. */
function filterCompiler(directory: string): CompileFilter {
  const root = dirname(directory)
  return (profile) => cachedProgram(root, profile)
}

/** What its clone needs; undefined for one into a cgroup that has to be there. */
function flagsOf({ host }: Plan): number | undefined {
  const clone = host.find(({ op }) => op === 'clone') as Extract<Operation, { op: 'clone' }>
  return clone.cgroup === '' ? Number(clone.flags) : undefined
}

const fill = (text: string, id: string): CgroupLayout => JSON.parse(text.replaceAll(openId, id)) as CgroupLayout

/** As JSON, with the id open; empty where the id is more than a part of texts. */
function openLayout(compute: (id: string) => CgroupLayout): string {
  const text = JSON.stringify(compute(openId))
  return JSON.stringify(fill(text, probeId)) === JSON.stringify(compute(probeId)) ? text : ''
}

/** All of it: what many containers share must not be changed through one of them. */
function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.values(value).forEach(freeze)
  return Object.freeze(value)
}

/** How many bundles a runtime remembers; each takes some 50 KB. */
const remembered = 64

/**
 * The blueprints of bundles that are started again and again. The config is read each time; as long as its text is the
 * same it is neither parsed nor checked nor compiled again.
 */
export class Blueprints {
  readonly #known = new Map<string, { readonly text: string; readonly blueprint: Blueprint; again: boolean }>()

  /** @throws NruncError ERR_CONFIG_READ, ERR_CONFIG_PARSE, ERR_CONFIG_INVALID */
  async ofBundle(directory: string): Promise<Blueprint> {
    const path = resolve(directory)
    const text = readConfig(path)
    const known = this.#known.get(path)
    const again = known?.text === text
    if (again && known.again) return known.blueprint
    const spec = await inTurns(parsingSpec(text, path))
    // What is made for many costs twice as much to make: the second start is the first sign that there will be many.
    const blueprint = new Blueprint({ path, spec }, { forMany: again })
    this.#known.delete(path)
    if (this.#known.size === remembered) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(path, { text, blueprint, again })
    return blueprint
  }
}
