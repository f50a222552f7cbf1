/**
 * `nrunc/mock`: the library without containers, for the tests of programs that use it. No privileges, no addon.
 */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { Blueprint } from '../bundle/blueprint.ts'
import { type Bundle, checkSpec, loadSpec } from '../bundle/bundle.ts'
import type { Statistics } from '../cgroup/statistics.ts'
import { checkRestoreOptions, type RestoreOptions } from '../checkpoint/options.ts'
import { refuseUnrestorable } from '../checkpoint/unrestorable.ts'
import { statisticsOfV1 } from '../cgroup/statistics-v1.ts'
import { Deadline } from '../options/deadline.ts'
import { NruncError } from '../errors.ts'
import { Execution, type ExecutionOptions, withoutExecution } from '../container/execution.ts'
import { checkHookFunctions, runHookFunctions } from '../start/hooks.ts'
import { checkHostOptions } from '../bundle/host-bundle.ts'
import type { RuntimeLike } from '../like.ts'
import { checkDeletion, checkOptions, type CreateOptions } from '../options/options.ts'
import { checkPoolCounts, poolOptions, type PoolOptions, refuseUnpoolable } from '../start/pool.ts'
import { createElsewhere, createOptions } from '../runtime.ts'
import { checkSeccompHandler } from '../seccomp/notify.ts'
import { defaultSpec } from '../spec/defaults.ts'
import type { Spec } from '../spec/schema.ts'
import { requireProcess } from '../spec/validate.ts'
import { checkId } from '../state/directory.ts'
import { notFound } from '../state/file.ts'
import { checkNetworksAhead, templateOptions, type TemplateOptions } from '../start/template.ts'
import { MockContainer, type MockWorld } from './container.ts'
import type { MockProgram } from './program.ts'
import { MockPool, MockTemplate } from './template.ts'

export { MockContainer } from './container.ts'
export type { MockFiles } from './files.ts'
export { MockProcess } from './process.ts'
export type { MockCall, MockProgram } from './program.ts'
export { MockTerminal } from './terminal.ts'
export { MockPool, MockTemplate } from './template.ts'

export interface MockOptions {
  /** What programs do. Default: they exit with 0 at once. */
  readonly program?: MockProgram | undefined
  /** What `stats` gives. Default: zeros where there are numbers. */
  readonly statistics?: ((id: string) => Statistics) | undefined
  /** Only a name. Default `/run/nrunc`. */
  readonly root?: string | undefined
}

/**
 * The interface of `Runtime`. Options, ids and configs are checked as there; statuses and errors are the same.
 *
 * @example
 * const runtime = new MockRuntime({ program: ({ stdout }) => { stdout.write('hi\n') } })
 * const { stdout } = await runtime.execute({ host: { args: ['greet'] } })
 */
export class MockRuntime implements RuntimeLike {
  readonly root: string
  readonly #containers = new Map<string, MockContainer>()
  readonly #world: MockWorld

  constructor(options: MockOptions = {}) {
    checkOptions(options, new Set(['program', 'statistics', 'root']))
    const { program = () => 0, statistics = () => idle, root = '/run/nrunc' } = options
    this.root = root
    this.#world = { root, program, statistics, remove: (id) => this.#remove(id) }
  }

  async create(options: CreateOptions): Promise<MockContainer> {
    return this.#make(options, false)
  }

  async run(options: CreateOptions): Promise<MockContainer> {
    return this.#make(options, true)
  }

  /** Nothing was saved: the program begins anew. */
  async restore(options: RestoreOptions): Promise<MockContainer> {
    checkRestoreOptions(options)
    refuseUnrestorable(specOf(options, resolve(options.bundle ?? '.')))
    const { id, bundle, spec, stdin, stdout, stderr, consoleSocket, hooks } = options
    return this.#make({ id, bundle, spec, stdin, stdout, stderr, consoleSocket, hooks }, true)
  }

  execute<const O extends CreateOptions & ExecutionOptions>(options: O): Execution<MockContainer, O> {
    return new Execution<MockContainer, O>(
      options, (streams) => this.run({ ...withoutExecution(options), ...streams }), (container) => container.delete({ force: true }),
    )
  }

  async load(id: string): Promise<MockContainer> {
    checkId(id)
    const container = this.#containers.get(id)
    if (container === undefined) throw notFound(id)
    return container
  }

  async list(): Promise<MockContainer[]> {
    return [...this.#containers.values()].sort((one, other) => (one.id < other.id ? -1 : 1))
  }

  async delete(id: string, options: { readonly force?: boolean | undefined } = {}): Promise<void> {
    checkDeletion(options)
    await (await this.load(id)).delete(options)
  }

  /** Nothing is made ahead. */
  async compile(options: TemplateOptions): Promise<MockTemplate> {
    checkOptions(options, templateOptions)
    const bundle = resolve(options.bundle ?? '.')
    const base = new Blueprint({ path: bundle, spec: specOf(options, bundle) }, { forMany: true })
    checkNetworksAhead(options.networksAhead)
    return new MockTemplate((...one) => this.#add(...one), base)
  }

  /** Always ready: a container, and all of its hooks, when it is acquired. */
  async pool(options: PoolOptions): Promise<MockPool> {
    checkOptions(options, poolOptions)
    checkHookFunctions(options.hooks)
    const bundle = resolve(options.bundle ?? '.')
    const spec = specOf(options, bundle)
    refuseUnpoolable(spec, options.cgroupsParent)
    const { size } = checkPoolCounts(options)
    return new MockPool((...one) => this.#add(...one), new Blueprint({ path: bundle, spec }, { forMany: true }), size, options.hooks)
  }

  #remove(id: string): void {
    if (!this.#containers.delete(id)) throw notFound(id)
  }

  async #make(options: CreateOptions, start: boolean): Promise<MockContainer> {
    checkOptions(options, createOptions, createElsewhere)
    checkId(options.id ?? 'x')
    checkHookFunctions(options.hooks)
    const path = resolve(options.bundle ?? '.')
    const spec = specOf(options, path)
    requireProcess(spec)
    return this.#add({ path, spec }, options, start)
  }

  async #add({ path, spec }: Bundle, options: CreateOptions, start: boolean): Promise<MockContainer> {
    const { id = randomBytes(16).toString('hex') } = options
    checkId(id)
    checkSeccompHandler(options.seccompNotify) // no program here makes system calls
    const deadline = Deadline.from(options)
    try {
      if (this.#containers.has(id)) throw new NruncError('ERR_ID_EXISTS', `container with given ID already exists: ${JSON.stringify(id)}`, { operand: id })
      const container = new MockContainer(this.#world, id, path, spec, options)
      this.#containers.set(id, container)
      try {
        const creating = { ...await container.state(), status: 'creating' as const }
        for (const kind of ['prestart', 'createRuntime'] as const) await runHookFunctions(options.hooks, kind, creating, { deadline })
        if (start) await container.start()
      } catch (error) {
        await container.delete({ force: true })
        throw error
      }
      if (start && deadline !== undefined) container.obey(deadline)
      else deadline?.clear()
      return container
    } catch (error) {
      deadline?.clear()
      throw error
    }
  }
}

/** Nothing of the host is looked at for one of its programs. */
function specOf({ host, bundle, spec }: Pick<CreateOptions, 'host' | 'bundle' | 'spec'>, path: string): Spec {
  if (host === undefined) return spec === undefined ? loadSpec(path) : checkSpec(spec)
  if ((bundle ?? spec) !== undefined) throw new NruncError('ERR_OPTION_INVALID', 'host goes with neither bundle nor spec', { operand: 'host' })
  checkHostOptions(host)
  const base = defaultSpec()
  const process = { ...base.process!, terminal: host.args === undefined, args: [...host.args ?? ['sh']], env: [...base.process!.env ?? [], ...host.env ?? []], cwd: host.cwd ?? '/' }
  return checkSpec({ ...base, process, hostname: host.hostname ?? 'nrunc' })
}

/** As if no controller said anything. */
const idle: Statistics = statisticsOfV1({}, { read: () => undefined, sizes: [] })
