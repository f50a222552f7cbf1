/**
 * Containers that are made ahead and wait for a program.
 */
import type { Blueprint } from '../bundle/blueprint.ts'
import type { Container } from '../container/container.ts'
import { type Creation, Lost } from './creation.ts'
import { Deadline, type DeadlineOptions, deadlineNames } from '../options/deadline.ts'
import { NruncError, type Problem } from '../errors.ts'
import { Execution, type ExecutionOptions, withoutExecution } from '../container/execution.ts'
import { checkObject } from '../options/option-types.ts'
import { checkCount, checkOptions, type CreateOptions, stdioNames, type StdioOptions } from '../options/options.ts'
import { outputAnnotations } from '../spec/hooks.ts'
import type { Changes } from '../spec/changes.ts'
import { pointer } from '../spec/pointer.ts'
import type { Spec } from '../spec/schema.ts'
import { Stopwatch } from '../container/timings.ts'

/** What {@link Runtime.pool} takes. */
export interface PoolOptions extends Pick<CreateOptions, 'bundle' | 'spec' | 'noPivot' | 'noNewKeyring' | 'hooks'> {
  /** How many containers are kept ready, 1 to 10000. */
  readonly size: number
  /** The cgroup below which each container gets its own, by its id; with systemd a slice. Default: as for a config without `cgroupsPath`. */
  readonly cgroupsParent?: string | undefined
  /**
   * Milliseconds without an `acquire` after which the pool is filled up, so that it does not compete with the programs
   * that were just started; as long as less than half is ready, it is filled at once. Default 20.
   */
  readonly fillAfter?: number | undefined
  /** As {@link TemplateOptions.bareMounts}. */
  readonly bareMounts?: boolean | undefined
}

/** What can still be chosen for a container that is there already. The working directory has to exist. */
export interface PoolAcquire
  extends Pick<Changes, 'args' | 'env' | 'cwd' | 'hostname' | 'terminal'>, StdioOptions, DeadlineOptions, Pick<CreateOptions, 'seccompNotify'> {}

const acquireOptions: ReadonlySet<string> = new Set<string>([
  'args', 'env', 'cwd', 'hostname', 'terminal', ...stdioNames, 'seccompNotify', ...deadlineNames,
])

/** What a start from a template can choose besides, and why a pool cannot. */
const settled: Readonly<Record<string, string>> = {
  id: 'its cgroup, its keyring and its hooks have got the one that it has',
  mounts: 'they are made from paths of the host, which it cannot reach any more',
  annotations: 'its hooks have been told of those of the config',
  cgroupsPath: 'it is in its cgroup; what is above of it is the cgroupsParent of the pool',
  hooks: 'some have run already; they are an option of the pool',
}

/** @throws NruncError ERR_OPTION_INVALID for what is unknown, and for what cannot be chosen any more, with the reason */
export function checkAcquireOptions(options: PoolAcquire): void {
  checkObject(options)
  const late = Object.keys(options).find((name) => Object.hasOwn(settled, name))
  if (late !== undefined) throw new NruncError('ERR_OPTION_INVALID', `cannot choose ${late} for a container that was made ahead: ${settled[late]}`, { operand: late })
  checkOptions(options, acquireOptions)
}

export const poolOptions: ReadonlySet<string> = new Set(['bundle', 'spec', 'noPivot', 'noNewKeyring', 'hooks', 'size', 'cgroupsParent', 'fillAfter', 'bareMounts'])

/** How many are being made at a time. */
const FILL_AT_ONCE = 4
const MOST = 10_000

/** Makes a container that waits for its program. */
export type Prepare = () => Promise<Prepared>

/** A container that waits, under the lock on its id. */
export interface Prepared {
  readonly creation: Creation
  /** To be called once it is a container like any other, or gone. */
  unlock(): void
}

interface Waiting {
  resolve(one: Prepared): void
  reject(error: Error): void
}

/**
 * What `runtime.pool` gives: containers with all but their program, whose start takes the time of an exec. Until they are
 * acquired they are not among the containers of the runtime. They keep the process alive until the pool is closed; where
 * it ends all the same, they end with it, and `delete` with `force` removes what is left of them.
 *
 * @example
 * await using pool = await runtime.pool({ bundle: '/srv/job', size: 8 })
 * const container = await pool.acquire({ args: ['convert', 'a.png'] })
 */
export class Pool {
  readonly size: number
  readonly #prepare: Prepare
  readonly #blueprint: Blueprint
  readonly #fillAfter: number
  readonly #hooks: CreateOptions['hooks']
  readonly #ready = new Set<Prepared>()
  readonly #waiting: Waiting[] = []
  readonly #making = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  /** Why the last one could not be made. */
  #failure: Error | undefined
  #closed = false

  /** @internal */
  constructor(prepare: Prepare, base: Blueprint, { hooks, ...counts }: PoolOptions) {
    const { size, fillAfter } = checkPoolCounts(counts)
    this.size = size
    this.#fillAfter = fillAfter
    this.#hooks = hooks
    this.#prepare = prepare
    this.#blueprint = base
  }

  /** How many containers are ready now. */
  get ready(): number { return this.#ready.size }

  /** @internal Resolves when all are ready. @throws NruncError what the first failure was; nothing stays then */
  async fill(): Promise<void> {
    this.#makeMissing()
    while (this.#ready.size < this.size && this.#making.size > 0) await Promise.race(this.#making)
    if (this.#failure === undefined) return
    await this.close()
    throw this.#failure
  }

  /**
   * A container that runs the program of the config, or another one. When none is ready, the next one that is.
   *
   * @throws NruncError as `run`: ERR_PROGRAM, ERR_CONFIG_INVALID for a bad change; ERR_STATUS when the pool is closed;
   * what prevents that new ones are made
   */
  async acquire(options: PoolAcquire = {}): Promise<Container> {
    const watch = new Stopwatch(true)
    checkAcquireOptions(options)
    const { args, env, cwd, hostname, terminal, ...rest } = options
    const variant = this.#blueprint.with({ args, env, cwd, hostname, terminal })
    const deadline = Deadline.from(options)
    try {
      watch.mark('config')
      const container = await this.#start((taken) => taken.creation.release(variant, { ...rest, hooks: this.#hooks }, deadline, watch), deadline)
      if (deadline !== undefined) container.obey(deadline)
      return container
    } catch (error) {
      deadline?.clear()
      throw error
    } finally {
      this.#refill()
    }
  }

  /** Run a program to its end in a container of the pool, and delete it. @throws NruncError as {@link Runtime.execute} */
  execute<const O extends PoolAcquire & ExecutionOptions>(options: O): Execution<Container, O> {
    return new Execution<Container, O>(
      options, (streams) => this.acquire({ ...withoutExecution(options), ...streams }), (container) => container.delete({ force: true }),
    )
  }

  /** RELEASE one that is alive: those that were killed while they waited do not count. */
  async #start(release: (taken: Prepared) => Promise<Container>, deadline: Deadline | undefined): Promise<Container> {
    for (;;) {
      const taken = await this.#take(deadline)
      try {
        return await release(taken)
      } catch (error) {
        if (!(error instanceof Lost)) throw error
      } finally {
        taken.unlock()
      }
    }
  }

  /** End those that wait. Containers that were acquired stay; who waits for one hears ERR_STATUS. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const { reject } of this.#waiting.splice(0)) reject(closed())
    await Promise.allSettled(this.#making)
    await Promise.all([...this.#ready].map((one) => this.#discard(one)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #take(deadline: Deadline | undefined): Promise<Prepared> {
    if (this.#closed) return Promise.reject(closed())
    const [first] = this.#ready
    if (first !== undefined) {
      this.#ready.delete(first)
      return Promise.resolve(first)
    }
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject }
      this.#waiting.push(waiting)
      deadline?.onExpire(() => {
        const at = this.#waiting.indexOf(waiting)
        if (at >= 0) this.#waiting.splice(at, 1)
        reject(deadline.error())
      })
      this.#makeMissing()
    })
  }

  #refill(): void {
    clearTimeout(this.#timer)
    if (this.#closed || this.#missing <= 0) return
    if (this.#ready.size < this.size / 2) this.#makeMissing()
    else this.#timer = setTimeout(() => this.#makeMissing(), this.#fillAfter).unref()
  }

  get #missing(): number { return this.size + this.#waiting.length - this.#ready.size - this.#making.size }

  /** Until something fails: trying on would fail on. The next `acquire` tries again. */
  #makeMissing(): void {
    this.#failure = undefined
    while (!this.#closed && this.#missing > 0 && this.#making.size < FILL_AT_ONCE) {
      const made = this.#makeOne().then(() => {
        this.#making.delete(made)
        if (this.#failure === undefined) this.#makeMissing()
      })
      this.#making.add(made)
    }
  }

  async #makeOne(): Promise<void> {
    try {
      const one = await this.#prepare()
      if (this.#closed) return await this.#discard(one)
      this.#add(one)
    } catch (error) {
      this.#failure = error as Error
      for (const { reject } of this.#waiting.splice(0)) reject(error as Error)
    }
  }

  #add(one: Prepared): void {
    // One that ends while it waits, because somebody killed it, is not given to anybody.
    void one.creation.exit.then(() => {
      if (this.#ready.has(one)) void this.#discard(one).then(() => this.#refill())
    })
    const next = this.#waiting.shift()
    if (next === undefined) this.#ready.add(one)
    else next.resolve(one)
  }

  async #discard(one: Prepared): Promise<void> {
    this.#ready.delete(one)
    try {
      await one.creation.abandon()
    } finally {
      one.unlock()
    }
  }
}

export const closed = (): NruncError => new NruncError('ERR_STATUS', 'the pool is closed')

/** The numbers of a pool, with their defaults. @throws NruncError ERR_OPTION_INVALID */
export const checkPoolCounts = ({ size, fillAfter = 20 }: Pick<PoolOptions, 'size' | 'fillAfter'>): { readonly size: number; readonly fillAfter: number } =>
  ({ size: checkCount('size', size, 1, MOST), fillAfter: checkCount('fillAfter', fillAfter, 0, 2 ** 31 - 1) })

/**
 * Refuse a config whose containers cannot be made ahead.
 *
 * @throws NruncError ERR_POOL with every field that stands against it
 */
export function refuseUnpoolable(spec: Spec, cgroupsParent: string | undefined): void {
  const problems: Problem[] = []
  if (spec.linux?.cgroupsPath && cgroupsParent === undefined) {
    problems.push({ field: '/linux/cgroupsPath', message: 'names one cgroup, and each container of a pool needs one of its own: use cgroupsParent' })
  }
  for (const name of Object.values(outputAnnotations)) {
    if (spec.annotations?.[name] === undefined || !spec.hooks?.startContainer?.length) continue
    problems.push({ field: pointer('annotations', name), message: 'names a file that stays open for startContainer hooks, and none does while a container waits' })
  }
  const [first] = problems
  if (first === undefined) return
  const words = problems.map(({ field, message }) => `${field} ${message}`).join('; ')
  throw new NruncError('ERR_POOL', `cannot be pooled: ${words}`, { field: first.field, problems })
}
