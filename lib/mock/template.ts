/**
 * Templates and pools of the mock: the checks and the changes of the library, and nothing that is made ahead.
 */
import type { Blueprint } from '../bundle/blueprint.ts'
import type { Bundle } from '../bundle/bundle.ts'
import { Execution, type ExecutionOptions, withoutExecution } from '../container/execution.ts'
import { checkHookFunctions, type HookFunctions } from '../start/hooks.ts'
import type { PoolLike, TemplateLike } from '../like.ts'
import { checkOptions, type CreateOptions } from '../options/options.ts'
import { checkAcquireOptions, closed, type PoolAcquire } from '../start/pool.ts'
import type { Spec } from '../spec/schema.ts'
import { type TemplateStart, templateStartOptions } from '../start/template.ts'
import type { MockContainer } from './container.ts'

/** How a mock runtime makes a container; START: run. */
type Make = (bundle: Bundle, options: CreateOptions, start: boolean) => Promise<MockContainer>

const remove = (container: MockContainer): Promise<void> => container.delete({ force: true })

/** What `compile` of a mock runtime gives. */
export class MockTemplate implements TemplateLike {
  readonly #make: Make
  readonly #blueprint: Blueprint

  /** @internal */
  constructor(make: Make, base: Blueprint) {
    this.#make = make
    this.#blueprint = base
  }

  get spec(): Spec { return this.#blueprint.spec }

  async create(options: TemplateStart = {}): Promise<MockContainer> {
    return this.#start(options, false)
  }

  async run(options: TemplateStart = {}): Promise<MockContainer> {
    return this.#start(options, true)
  }

  execute<const O extends TemplateStart & ExecutionOptions>(options: O): Execution<MockContainer, O> {
    return new Execution<MockContainer, O>(options, (streams) => this.run({ ...withoutExecution(options), ...streams }), remove)
  }

  close(): void {}

  async [Symbol.asyncDispose](): Promise<void> {}

  async #start(options: TemplateStart, start: boolean): Promise<MockContainer> {
    checkOptions(options, templateStartOptions)
    checkHookFunctions(options.hooks)
    const { args, env, cwd, hostname, terminal, mounts, annotations, cgroupsPath, ...rest } = options
    const { bundle, spec } = this.#blueprint.with({ args, env, cwd, hostname, terminal, mounts, annotations, cgroupsPath })
    return this.#make({ path: bundle, spec }, rest, start)
  }
}

/** What `pool` of a mock runtime gives. */
export class MockPool implements PoolLike {
  readonly size: number
  readonly #make: Make
  readonly #blueprint: Blueprint
  readonly #hooks: HookFunctions | undefined
  #closed = false

  /** @internal */
  constructor(make: Make, base: Blueprint, size: number, hooks: HookFunctions | undefined) {
    this.#make = make
    this.#blueprint = base
    this.size = size
    this.#hooks = hooks
  }

  get ready(): number { return this.#closed ? 0 : this.size }

  async acquire(options: PoolAcquire = {}): Promise<MockContainer> {
    checkAcquireOptions(options)
    const { args, env, cwd, hostname, terminal, ...rest } = options
    const { bundle, spec } = this.#blueprint.with({ args, env, cwd, hostname, terminal })
    if (this.#closed) throw closed()
    return this.#make({ path: bundle, spec }, { ...rest, hooks: this.#hooks }, true)
  }

  execute<const O extends PoolAcquire & ExecutionOptions>(options: O): Execution<MockContainer, O> {
    return new Execution<MockContainer, O>(options, (streams) => this.acquire({ ...withoutExecution(options), ...streams }), remove)
  }

  /** Containers that were acquired stay. */
  async close(): Promise<void> {
    this.#closed = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
