/**
 * The entry of the library: making, finding, listing and deleting containers below one state root.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Blueprint } from './bundle/blueprint.ts'
import { Blueprints } from './bundle/blueprints.ts'
import { checkingSpec, loadingSpec } from './bundle/bundle.ts'
import type { RestoreOptions } from './checkpoint/options.ts'
import { Container } from './container/container.ts'
import { Creation, type CreationSettings } from './start/creation.ts'
import { Deadline, deadlineNames } from './options/deadline.ts'
import { NruncError } from './errors.ts'
import { Execution, type ExecutionOptions, withoutExecution } from './container/execution.ts'
import { checkHookFunctions } from './start/hooks.ts'
import { Limiter } from './start/limiter.ts'
import { addon } from './native/addon.ts'
import { bareMounts } from './native/bare-mounts.ts'
import { orElse } from './native/refused.ts'
import { checkDeletion, checkManager, checkOptions, type CreateOptions, type RuntimeOptions, stdioNames } from './options/options.ts'
import { Pool, poolOptions, type PoolOptions, type Prepared, refuseUnpoolable } from './start/pool.ts'
import { checkId, checkRoot, containerDirectory, containerIds, defaultRoot } from './state/directory.ts'
import type { Spec } from './spec/schema.ts'
import { readState } from './state/file.ts'
import { takeId, withLock } from './state/lock.ts'
import { Template, templateOptions, type TemplateOptions } from './start/template.ts'
import { Stopwatch } from './container/timings.ts'
import { inTurns, type Steps, Turns } from './turns.ts'

export const createOptions: ReadonlySet<string> = new Set([
  'id', 'bundle', 'spec', 'host', ...stdioNames, 'noPivot', 'noNewKeyring', 'notify', 'listenFds', 'hooks', 'seccompNotify', ...deadlineNames,
])

/** Options of others that are looked for here. */
const inHost = 'what runs is said by the config, or for a program of the host by host: { args, env, cwd, hostname }'
export const createElsewhere = { args: inHost, env: inHost, cwd: inHost, hostname: inHost }

/** More would only wait for each other: a start is work for the kernel. */
const STARTS_AT_ONCE = 16

/**
 * @example
 * const runtime = new Runtime()
 * const container = await runtime.run({ id: 'hello', bundle: '/srv/hello' })
 * const { code } = await container.wait()
 * await container.delete()
 */
export class Runtime {
  /** Directory that holds the state of the containers. */
  readonly root: string
  readonly #blueprints = new Blueprints()
  readonly #limiter: Limiter
  /** What the last call waits for, see `#inOrder`. */
  #before: Promise<unknown> = Promise.resolve()

  readonly #settings: CreationSettings

  /**
   * @throws NruncError ERR_OPTION_INVALID when the root is `/`, and for what is not a cgroup manager, a boolean or a
   * positive integer
   */
  constructor(options: RuntimeOptions = {}) {
    checkOptions(options, new Set(['root', 'cgroupManager', 'rootless', 'startsAtOnce']))
    const { startsAtOnce = STARTS_AT_ONCE } = options
    const { cgroupManager, rootless } = checkManager(options)
    if (!Number.isInteger(startsAtOnce) || startsAtOnce < 1) throw badOption('startsAtOnce', startsAtOnce)
    this.#limiter = new Limiter(startsAtOnce)
    this.root = checkRoot(options.root ?? defaultRoot(process.geteuid!(), process.env))
    this.#settings = { cgroupManager, rootless }
  }

  /**
   * Make a container whose program waits for `start()`: all of it is set up, and a program that cannot be executed is
   * an error already here.
   *
   * @throws NruncError with any code of {@link errorCodes}; nothing is left behind then
   */
  async create(options: CreateOptions): Promise<Container> {
    return this.#make(options, false)
  }

  /** `create` and `start` in one, without the detour over exec.fifo. */
  async run(options: CreateOptions): Promise<Container> {
    return this.#make(options, true)
  }

  /**
   * Run a container to its end, and delete it: the call gives a promise of the result, and a process as long as it runs.
   *
   * @example
   * const { stdout } = await runtime.execute({ host: { args: ['uname', '-r'] }, timeout: 10_000 })
   *
   * @throws NruncError as `run`; {@link ExitError} when the program fails, unless `reject` is false
   */
  execute<const O extends CreateOptions & ExecutionOptions>(options: O): Execution<Container, O> {
    return new Execution<Container, O>(
      options, (streams) => this.run({ ...withoutExecution(options), ...streams }), (container) => container[Symbol.asyncDispose](),
    )
  }

  /**
   * Check and compile a config once, for many starts.
   *
   * @throws NruncError ERR_CONFIG_READ, ERR_CONFIG_PARSE, ERR_CONFIG_INVALID, ERR_OPTION_INVALID
   */
  async compile(options: TemplateOptions): Promise<Template> {
    checkOptions(options, templateOptions)
    const path = resolve(options.bundle ?? '.')
    const spec = await inTurns(specSteps(path, options.spec))
    const blueprint = new Blueprint({ path, spec }, { forMany: true, bareMounts: await bareMounts(options.bareMounts) })
    return new Template((...one) => this.#launch(...one), blueprint, options)
  }

  /**
   * Keep containers ready for programs that are not known yet. Resolves when all of them are.
   *
   * @throws NruncError as {@link compile} and {@link create}; ERR_POOL for a config whose containers cannot be made ahead,
   * with the fields that stand against it
   */
  async pool(options: PoolOptions): Promise<Pool> {
    checkOptions(options, poolOptions)
    const { bundle, spec: given, cgroupsParent, noPivot, noNewKeyring, hooks } = options
    checkHookFunctions(hooks)
    const path = resolve(bundle ?? '.')
    const spec = await inTurns(specSteps(path, given))
    refuseUnpoolable(spec, cgroupsParent)
    const blueprint = new Blueprint({ path, spec }, { forMany: true, cgroupsParent, bareMounts: await bareMounts(options.bareMounts) })
    const pool = new Pool(() => this.#limiter.run(() => this.#prepare(blueprint, { noPivot, noNewKeyring, hooks })), blueprint, options)
    await pool.fill()
    return pool
  }

  /** A container that waits for its program, under the lock on its id. */
  async #prepare(blueprint: Blueprint, options: CreateOptions): Promise<Prepared> {
    const id = randomBytes(16).toString('hex')
    const { directory, lock } = await takeId(this.root, id)
    const place = { directory, root: this.root, id, start: true, awaitsPlan: true, ...this.#settings }
    const creation = new Creation(place, options, new Stopwatch(true))
    try {
      await creation.prepare(blueprint)
    } catch (error) {
      lock.close()
      throw error
    }
    return { creation, unlock: () => lock.close() }
  }

  /**
   * A container from a checkpoint, which goes on where {@link Container.checkpoint} left it. The bundle, or the spec, has to
   * be that of the container; of its hooks prestart and createRuntime are run. Needs criu.
   *
   * @throws NruncError ERR_CRIU, also where criu is missing or too old; ERR_ID_EXISTS; ERR_CONFIG_UNSUPPORTED; as
   * {@link create}; nothing is left behind then
   * @example
   * const container = await runtime.restore({ id: 'web', bundle: '/srv/web', imagePath: '/srv/checkpoints/web' })
   */
  async restore(options: RestoreOptions): Promise<Container> {
    const [{ checkRestoreOptions }, { restoreBundle, Restoration }] =
      await Promise.all([import('./checkpoint/options.ts'), import('./checkpoint/restore.ts')])
    checkRestoreOptions(options)
    const id = options.id ?? randomBytes(16).toString('hex')
    checkId(id)
    checkHookFunctions(options.hooks)
    addon()
    const bundle = restoreBundle(options)
    return this.#limiter.run(() => this.#createIn(id, (directory) =>
      new Restoration({ directory, root: this.root, id, ...this.#settings }, bundle, options).run()))
  }

  /** @throws NruncError ERR_NOT_FOUND, ERR_STATE_INVALID, ERR_ID_INVALID */
  async load(id: string): Promise<Container> {
    checkId(id)
    return new Container(this.root, readState(containerDirectory(this.root, id), id))
  }

  /** All containers below the root, by id; what is only being created or deleted is not among them. */
  async list(): Promise<Container[]> {
    const found: Container[] = []
    const turns = new Turns()
    for (const id of containerIds(this.root)) {
      try {
        found.push(new Container(this.root, readState(containerDirectory(this.root, id), id)))
      } catch (error) {
        // One that is damaged must not hide the others.
        if (error instanceof NruncError && error.code !== 'ERR_NOT_FOUND') process.emitWarning(error)
      }
      await turns.give()
    }
    return found
  }

  /**
   * Delete a container by its id. With `force` also one that runs, and what is left of one whose maker was killed before
   * the container was created.
   *
   * @throws NruncError as {@link Container.delete}; ERR_NOT_FOUND when there is nothing of that id
   */
  async delete(id: string, options: { readonly force?: boolean | undefined } = {}): Promise<void> {
    checkDeletion(options)
    const container = await this.load(id).catch((error: unknown) => {
      const half = error instanceof NruncError && error.code === 'ERR_NOT_FOUND' && existsSync(containerDirectory(this.root, id))
      if (half && options.force) return undefined
      throw error
    })
    return container === undefined ? this.#deleteHalf(id) : container.delete(options)
  }

  /** Whoever makes a container holds its lock to the end: when it is ours, he is gone, or there is a container now. */
  async #deleteHalf(id: string): Promise<void> {
    const directory = containerDirectory(this.root, id)
    const finished = await withLock(directory, id, async () => {
      if (orElse(false, () => statSync(`${directory}/state.json`).isFile())) return true
      await (await import('./start/half-made.ts')).removeStaged(directory)
      return false
    })
    if (finished) await (await this.load(id)).delete({ force: true })
  }

  /**
   * What the options of `create` name; undefined where they ask for one of the host's own programs.
   *
   * @throws NruncError ERR_OPTION_INVALID when they do both, and for what is wrong with the config
   */
  async #blueprint({ host, bundle, spec }: CreateOptions, turns: Turns): Promise<Blueprint | undefined> {
    if (host !== undefined) {
      if ((bundle ?? spec) === undefined) return undefined
      throw new NruncError('ERR_OPTION_INVALID', 'host goes with neither bundle nor spec', { operand: 'host' })
    }
    if (spec === undefined) {
      const path = resolve(bundle ?? '.')
      await turns.give()
      return this.#blueprints.ofBundle(path)
    }
    // A copy of what is given is made at once, before its owner can change it.
    return new Blueprint({ path: resolve(bundle ?? '.'), spec: await inTurns(checkingSpec(spec)) })
  }

  /** WORK, and that of the calls before: they take their turns in their order, however long each config takes. */
  #inOrder<T>(work: Promise<T>): Promise<T> {
    const before = this.#before
    this.#before = Promise.allSettled([work, before])
    return before.then(() => work)
  }

  async #make(options: CreateOptions, start: boolean): Promise<Container> {
    const watch = new Stopwatch(start)
    checkOptions(options, createOptions, createElsewhere)
    checkId(options.id ?? 'x')
    checkHookFunctions(options.hooks)
    const turns = new Turns()
    addon() // first: if it cannot be loaded nothing has been made yet, and it gets ready while the config is read
    const blueprint = await this.#inOrder(this.#blueprint(options, turns))
    await turns.give()
    watch.mark('config')
    return this.#launch(blueprint, options, start, false, watch)
  }

  /** Whatever waits for its turn holds nothing: neither its id nor a descriptor. */
  async #launch(
    blueprint: Blueprint | undefined, options: CreateOptions, start: boolean, network: boolean, watch = new Stopwatch(start),
  ): Promise<Container> {
    const id = options.id ?? randomBytes(16).toString('hex')
    checkId(id)
    const deadline = Deadline.from(options)
    try {
      const container = await this.#limiter.run(() => {
        deadline?.check()
        watch.mark('turn')
        const ahead = network ? undefined : blueprint?.cloneAhead()
        return this.#createIn(id, (directory) => {
          watch.mark('lock')
          const place = { directory, root: this.root, id, start, network, ahead, ...this.#settings }
          return new Creation(place, options, watch, deadline).run(blueprint)
        }).finally(() => ahead?.drop())
      }, (cancel) => deadline?.onExpire(() => cancel(deadline.error())))
      if (start && deadline !== undefined) container.obey(deadline)
      else deadline?.clear()
      return container
    } catch (error) {
      deadline?.clear()
      throw error
    }
  }

  /** Take the id, and do WORK under its lock. */
  async #createIn(id: string, work: (directory: string) => Promise<Container>): Promise<Container> {
    const { directory, lock } = await takeId(this.root, id)
    try {
      return await work(directory)
    } finally {
      lock.close()
    }
  }
}

/** The valid config that is given, or the bundle's. */
const specSteps = (bundle: string, given: Spec | undefined): Steps<Spec> => (given === undefined ? loadingSpec(bundle) : checkingSpec(given))

const badOption = (name: string, value: unknown): NruncError =>
  new NruncError('ERR_OPTION_INVALID', `invalid value ${JSON.stringify(value)} for ${name}`, { operand: name })
