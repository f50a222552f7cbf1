/**
 * A config that many containers are started from: checked and compiled once.
 */
import { Blueprint } from './blueprint.ts'
import type { Container } from './container.ts'
import { type DeadlineOptions, deadlineNames } from './deadline.ts'
import { NruncError } from './errors.ts'
import { hostFacts } from './facts.ts'
import { dropNetworks, fillNetworks, keepNetworks } from './native/networks.ts'
import { type CreateOptions, refuseUnknown, type StdioOptions } from './options.ts'
import { takesNetworkAhead } from './plan/namespaces.ts'
import type { Mount, ProcessSpec, Spec } from './spec/schema.ts'
import { refuseUnsupported } from './spec/unsupported.ts'
import { validateSpec } from './spec/validate.ts'

export interface TemplateOptions extends Pick<CreateOptions, 'bundle' | 'spec' | 'noPivot' | 'noNewKeyring'> {
  /**
   * How many network namespaces are made ahead, 0 to 64: most of the cost of a start. Default 1; none where the config
   * has no network namespace of its own, or a user namespace.
   */
  readonly networksAhead?: number | undefined
}

/** What one start of a template has of its own; the rest is the template's. */
export interface TemplateStart extends StdioOptions, DeadlineOptions {
  /** Default: a random one. */
  readonly id?: string | undefined
  /** Program and arguments instead of those of the config. */
  readonly args?: readonly string[] | undefined
  /** Added to the environment of the config, as `NAME=value`; of a name given twice the last value counts. */
  readonly env?: readonly string[] | undefined
  readonly cwd?: string | undefined
  readonly hostname?: string | undefined
  /** Made after the mounts of the config. */
  readonly mounts?: readonly Mount[] | undefined
  /** Added to the annotations of the config. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** Instead of that of the config: two containers that run at the same time need two. */
  readonly cgroupsPath?: string | undefined
}

/** What a start may change, from the config's point of view. */
export type Changes = Pick<TemplateStart, 'args' | 'env' | 'cwd' | 'hostname' | 'mounts' | 'annotations' | 'cgroupsPath'>

const changeNames = ['args', 'env', 'cwd', 'hostname', 'mounts', 'annotations', 'cgroupsPath'] as const
const stdioNames = ['stdin', 'stdout', 'stderr', 'consoleSocket', 'pidfdSocket', 'terminalSize', 'keepLineFeeds', 'preserveFds', 'pidFile'] as const
const startOptions = new Set<string>(['id', ...changeNames, ...stdioNames, ...deadlineNames])

/** How many sets of changes a template keeps compiled. */
const kept = 16

/** How a runtime makes a container of a blueprint; START: run. NETWORK: with a network namespace made ahead, if there is one. */
export type Launch = (blueprint: Blueprint, options: CreateOptions, start: boolean, network: boolean) => Promise<Container>

/**
 * What `runtime.compile` gives. A start from it does what `runtime.run` does with the changed config, with the same
 * errors; the work on the config is done already.
 *
 * @example
 * await using template = await runtime.compile({ bundle: '/srv/job' })
 * const container = await template.run({ args: ['convert', 'a.png'], env: ['SIZE=64'] })
 */
export class Template {
  readonly #launch: Launch
  readonly #options: Pick<CreateOptions, 'noPivot' | 'noNewKeyring'>
  readonly #base: Blueprint
  readonly #changed = new Map<string, Blueprint>()
  /** How many network namespaces are kept ready for it. */
  #networks: number

  /** @internal */
  constructor(launch: Launch, base: Blueprint, { noPivot, noNewKeyring, networksAhead = 1 }: TemplateOptions) {
    if (!Number.isInteger(networksAhead) || networksAhead < 0 || networksAhead > 64) {
      throw new NruncError('ERR_OPTION_INVALID', `networksAhead must be an integer from 0 to 64, not ${networksAhead}`, { operand: 'networksAhead' })
    }
    this.#launch = launch
    this.#base = base
    this.#options = { noPivot, noNewKeyring }
    this.#networks = takesNetworkAhead(base.spec, hostFacts()) ? networksAhead : 0
    if (this.#networks > 0) keepNetworks(this.#networks)
  }

  /** The config, checked; it cannot be changed. */
  get spec(): Spec { return this.#base.spec }

  /** Make a container whose program waits for `start()`. @throws NruncError as {@link Runtime.create} */
  async create(options: TemplateStart = {}): Promise<Container> {
    return this.#start(options, false)
  }

  /** `create` and `start` in one. @throws NruncError as {@link Runtime.run} */
  async run(options: TemplateStart = {}): Promise<Container> {
    return this.#start(options, true)
  }

  /** Give up what is kept ready. Containers stay; starts are still possible. */
  close(): void {
    if (this.#networks > 0) dropNetworks(this.#networks)
    this.#networks = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  async #start(options: TemplateStart, start: boolean): Promise<Container> {
    refuseUnknown(options, startOptions)
    const { args, env, cwd, hostname, mounts, annotations, cgroupsPath, ...rest } = options
    const blueprint = this.#with({ args, env, cwd, hostname, mounts, annotations, cgroupsPath })
    try {
      return await this.#launch(blueprint, { ...rest, ...this.#options }, start, this.#networks > 0)
    } finally {
      if (this.#networks > 0) fillNetworks()
    }
  }

  /** What was started lately with the same changes is compiled already. */
  #with(changes: Changes): Blueprint {
    if (changeNames.every((name) => changes[name] === undefined)) return this.#base
    const key = JSON.stringify(changes)
    const known = this.#changed.get(key)
    const spec = known?.spec ?? validateSpec(changedSpec(this.#base.spec, changes))
    if (known === undefined) refuseUnsupported(spec)
    else if (known.forMany) return known
    const blueprint = new Blueprint({ path: this.#base.bundle, spec }, { forMany: known !== undefined })
    this.#changed.delete(key)
    if (this.#changed.size === kept) this.#changed.delete(this.#changed.keys().next().value!)
    this.#changed.set(key, blueprint)
    return blueprint
  }
}

/** The config that a start with CHANGES has. Not checked. */
export function changedSpec(spec: Spec, { args, env, cwd, hostname, mounts, annotations, cgroupsPath }: Changes): Spec {
  const own = spec.process as ProcessSpec
  const process = {
    ...own,
    ...(args === undefined ? {} : { args }),
    ...(env === undefined ? {} : { env: [...own.env ?? [], ...env] }),
    ...(cwd === undefined ? {} : { cwd }),
  }
  return {
    ...spec,
    process: process as ProcessSpec,
    ...(hostname === undefined ? {} : { hostname }),
    ...(mounts === undefined ? {} : { mounts: [...spec.mounts ?? [], ...mounts] }),
    ...(annotations === undefined ? {} : { annotations: { ...spec.annotations, ...annotations } }),
    ...(cgroupsPath === undefined ? {} : { linux: { ...spec.linux, cgroupsPath } }),
  }
}
