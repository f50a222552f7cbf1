/**
 * A config that many containers are started from: checked and compiled once.
 */
import type { Blueprint } from '../bundle/blueprint.ts'
import type { Container } from '../container/container.ts'
import { type DeadlineOptions, deadlineNames } from '../options/deadline.ts'
import { Execution, type ExecutionOptions, withoutExecution } from '../container/execution.ts'
import { hostFacts } from '../bundle/facts.ts'
import { checkHookFunctions } from './hooks.ts'
import { dropNetworks, fillNetworks, keepNetworks } from '../native/networks.ts'
import { checkCount, checkOptions, type CreateOptions, stdioNames, type StdioOptions } from '../options/options.ts'
import { takesNetworkAhead } from '../plan/namespaces.ts'
import { changeNames, type Changes } from '../spec/changes.ts'
import type { Spec } from '../spec/schema.ts'

/** What {@link Runtime.compile} takes. */
export interface TemplateOptions extends Pick<CreateOptions, 'bundle' | 'spec' | 'noPivot' | 'noNewKeyring'> {
  /**
   * How many network namespaces are made ahead, 0 to 64 (in all, whatever the templates ask for): most of the cost of a
   * clone, for 150 KB of the kernel's memory each. What was taken is made anew after 20 ms without a start, at once when
   * more than half are gone. Default 4; none where the config has no network namespace of its own, or a user namespace.
   */
  readonly networksAhead?: number | undefined
  /**
   * A new mount namespace is a copy of the host's, mount by mount. With this, containers get theirs from one that is nearly
   * empty; what their config mounts is opened at each start, so that it is what is there then. Default: from 100 mounts of
   * the host on. Without effect where the config has no mount namespace of its own, a user namespace, hooks before
   * `startContainer`, `noPivot`, a `rootfsPropagation` other than rslave and rprivate, or mounts that are neither bind mounts
   * nor made of nothing (an overlay). mount_namespaces(7).
   */
  readonly bareMounts?: boolean | undefined
}

/** What one start of a template has of its own; the rest is the template's. */
export interface TemplateStart extends Changes, StdioOptions, DeadlineOptions, Pick<CreateOptions, 'hooks' | 'seccompNotify'> {
  /** Default: a random one. */
  readonly id?: string | undefined
}

export const templateOptions: ReadonlySet<string> = new Set(['bundle', 'spec', 'noPivot', 'noNewKeyring', 'networksAhead', 'bareMounts'])
export const templateStartOptions: ReadonlySet<string> = new Set(['id', 'hooks', 'seccompNotify', ...changeNames, ...stdioNames, ...deadlineNames])

export const checkNetworksAhead = (count = 4): number => checkCount('networksAhead', count, 0, 64)

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
  /** @internal */
  readonly blueprint: Blueprint
  /** How many network namespaces are kept ready for it. */
  #networks: number

  /** @internal */
  constructor(launch: Launch, base: Blueprint, { noPivot, noNewKeyring, networksAhead }: TemplateOptions) {
    const networks = checkNetworksAhead(networksAhead)
    this.#launch = launch
    this.blueprint = base
    this.#options = { noPivot, noNewKeyring }
    this.#networks = takesNetworkAhead(base.spec, hostFacts()) ? networks : 0
    if (this.#networks > 0) keepNetworks(this.#networks)
  }

  /** The config, checked; it cannot be changed. */
  get spec(): Spec { return this.blueprint.spec }

  /** @internal */
  get planOptions(): Pick<CreateOptions, 'noPivot' | 'noNewKeyring'> { return this.#options }

  /** Make a container whose program waits for `start()`. @throws NruncError as {@link Runtime.create} */
  async create(options: TemplateStart = {}): Promise<Container> {
    return this.#start(options, false)
  }

  /** `create` and `start` in one. @throws NruncError as {@link Runtime.run} */
  async run(options: TemplateStart = {}): Promise<Container> {
    return this.#start(options, true)
  }

  /** Run a container to its end, and delete it. @throws NruncError as {@link Runtime.execute} */
  execute<const O extends TemplateStart & ExecutionOptions>(options: O): Execution<Container, O> {
    return new Execution<Container, O>(
      options, (streams) => this.run({ ...withoutExecution(options), ...streams }), (container) => container[Symbol.asyncDispose](),
    )
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
    checkOptions(options, templateStartOptions)
    checkHookFunctions(options.hooks)
    const { args, env, cwd, hostname, terminal, mounts, annotations, cgroupsPath, ...rest } = options
    const blueprint = this.blueprint.with({ args, env, cwd, hostname, terminal, mounts, annotations, cgroupsPath })
    try {
      return await this.#launch(blueprint, { ...rest, ...this.#options }, start, this.#networks > 0)
    } finally {
      if (this.#networks > 0) fillNetworks()
    }
  }
}
