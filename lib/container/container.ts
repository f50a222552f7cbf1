/**
 * A container that exists: made by this process, or loaded from the state on disk.
 */
import { unlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { CheckpointOptions } from '../checkpoint/options.ts'
import { freezeCgroup, thawCgroup } from '../cgroup/freeze.ts'
import { oomKillCount, oomKills } from '../cgroup/oom.ts'
import type { OomRecord } from '../cgroup/oom-record.ts'
import { cgroupProcesses, killCgroup } from '../cgroup/processes.ts'
import type { Statistics } from '../cgroup/statistics.ts'
import type { CgroupWatch, OomListener, PressureLevel, PressureListener } from '../cgroup/watch.ts'
import { type Cause, Deadline, deadlineNames, gracePeriodOf, type StopOptions } from '../options/deadline.ts'
import type { FileCallOptions } from '../options/in-time.ts'
import { NruncError } from '../errors.ts'
import { ContainerEmitter } from './events.ts'
import { executeInContainer } from './exec.ts'
import { Execution, type ExecutionOptions, withoutExecution } from './execution.ts'
import type { CopyOptions } from '../files/copy.ts'
import type { ReadFileOptions } from '../files/read.ts'
import type { FileData, WriteFileOptions } from '../files/write.ts'
import { hasHookFunctions, type HookFunctions, runHookFunctions, runHooks } from '../start/hooks.ts'
import { linesOf } from '../streams/lines.ts'
import { addon } from '../native/addon.ts'
import type { Child } from '../native/child.ts'
import { errnoName } from '../native/errno.ts'
import { hostError } from '../native/refused.ts'
import { awaitExit, awaitStarted, type Ended, endsWithin, KILL_PATIENCE, signalProcess } from '../native/watch.ts'
import {
  checkDeletion, checkOptions, type ContainerExit, type ExecOptions, type NotifyOptions, type StartOptions, type State, type WaitOptions,
} from '../options/options.ts'
import { checkSignal, type ContainerProcess, notAfter, stopGently } from './process.ts'
import { removeContainer, removeEnded } from './retire.ts'
import type { RdtUpdate } from '../resctrl/update.ts'
import type { SeccompHandler } from '../seccomp/notify.ts'
import { signalNumber } from './signals.ts'
import { bindNotify, relayReady } from '../start/service.ts'
import { isNewNamespace } from '../spec/namespaces.ts'
import type { Resources, Spec } from '../spec/schema.ts'
import { containerDirectory } from '../state/directory.ts'
import { isCurrent, notFound, readState, type StateFile } from '../state/file.ts'
import { withLock } from '../state/lock.ts'
import { describeState } from '../state/describe.ts'
import { FIFO, isAlive, namespaceProcesses, statusOf } from '../state/status.ts'
import { statsEvery, type StatsOptions } from './stats.ts'
import type { Streams } from '../streams/stdio.ts'
import type { Terminal } from '../streams/terminal.ts'
import type { Stopwatch, Timings } from './timings.ts'

const SIGKILL = 9

/** What the process that made a container has, and one that loads it has not. */
export interface Made {
  /** Undefined for a restored container, whose init nrunc has not started. */
  readonly child?: Child | undefined
  /** The end of init, where there is no `child`. */
  readonly exit?: Promise<Ended> | undefined
  readonly streams: Streams
  readonly terminal: Terminal | null
  readonly watch?: Stopwatch | undefined
  /** Of a container in a scope. */
  readonly oomRecord?: OomRecord | undefined
  readonly notify?: NotifyOptions | undefined
  readonly hooks?: HookFunctions | undefined
  readonly seccompNotify?: SeccompHandler | undefined
}

const waitOptions = new Set([...deadlineNames, 'stats'])

/**
 * It emits {@link ContainerEvents}.
 *
 * @example
 * await using container = await runtime.run({ bundle: '/srv/bundle' })
 * container.stdout.pipe(process.stdout)
 * console.log(await container.wait()) // { code: 0, signal: null, ... }
 */
export class Container extends ContainerEmitter {
  readonly id: string
  /** State root that the container is in. */
  readonly root: string
  /** Host's pid of init, also after its end. */
  readonly pid: number
  readonly bundle: string
  /** The streams asked for as `'pipe'`; null otherwise, and in a process that has loaded the container. */
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  readonly terminal: Terminal | null
  /**
   * With `notify`, once the program runs: whether it has said that it is ready and the manager knows; false when the
   * container has ended before. Rejects with ERR_HOST when the manager cannot be told. Null without, or in a process
   * that has not started the container.
   */
  notified: Promise<boolean> | null = null
  readonly #notify: NotifyOptions | undefined
  #state: StateFile
  readonly #child: Child | undefined
  readonly #watch: Stopwatch | undefined
  #end: Promise<Ended> | undefined
  readonly #hooks: HookFunctions | undefined
  readonly #seccompNotify: SeccompHandler | undefined
  #startedAt: Date | null = null
  #cause: Cause | undefined
  #oomKilled: Promise<boolean> | undefined
  readonly #oomRecord: OomRecord | undefined
  #lastStatistics: Promise<Statistics | null> | undefined

  /** @internal */
  constructor(root: string, state: StateFile, made?: Made) {
    super()
    this.listenFor(() => this.#state.cgroup_paths, () => this.wait())
    this.id = state.id
    this.root = root
    this.pid = state.init_process_pid
    this.bundle = state.bundle
    this.stdin = made?.streams.stdin ?? null
    this.stdout = made?.streams.stdout ?? null
    this.stderr = made?.streams.stderr ?? null
    this.terminal = made?.terminal ?? null
    this.#state = state
    this.#child = made?.child
    this.#end = made?.exit
    this.#hooks = made?.hooks
    this.#seccompNotify = made?.seccompNotify
    this.#notify = made?.notify
    this.#watch = made?.watch
    this.#oomRecord = made?.oomRecord
  }

  /**
   * When the steps of its making happened; null in a process that has loaded the container.
   *
   * @example
   * for (const { step, duration } of container.timings!.steps) console.log(step, duration)
   */
  get timings(): Timings | null {
    return this.#watch === undefined || this.#child === undefined ? null : this.#watch.timings(this.#child.stamps)
  }

  /** As it was created, with the limits of {@link update}. */
  get spec(): Spec { return this.#state.config }

  get #directory(): string { return containerDirectory(this.root, this.id) }

  /**
   * Execute the program of a created container. Resolves when it was executed and the poststart hooks have run.
   *
   * @throws NruncError ERR_STATUS unless it is created; ERR_PROGRAM, ERR_HOOK; ERR_NOT_FOUND
   */
  async start(options: StartOptions = {}): Promise<void> {
    checkOptions(options, new Set(['notify']))
    await withLock(this.#directory, this.id, async () => {
      this.#requireSame()
      const status = statusOf(this.#directory, this.#state)
      if (status !== 'created') {
        const words = status === 'stopped' ? 'cannot start a container that has stopped' : 'cannot start an already running container'
        throw new NruncError('ERR_STATUS', words, { operand: this.id })
      }
      const fifo = join(this.#directory, FIFO)
      const notify = options.notify ?? this.#notify
      const socket = bindNotify(this.#directory, notify)
      await awaitStarted(fifo, this.pid, String(this.#state.init_process_start)).catch((error: unknown) => {
        if (socket !== undefined) addon().close(socket)
        throw error
      })
      this.relay(socket, notify)
      unlinkSync(fifo)
      await this.runStarted()
    })
  }

  /** @internal From now on the program may say that it is ready. */
  relay(socket: number | undefined, notify: NotifyOptions | undefined): void {
    if (socket === undefined || notify === undefined) return
    this.notified = relayReady(socket, { pid: this.pid, startTime: String(this.#state.init_process_start) }, notify)
    this.notified.catch(() => {}) // whoever waits for it hears of it; nobody has to
  }

  /** @internal The program was executed: the poststart hooks. When one fails, the container is ended. */
  async runStarted(deadline?: Deadline): Promise<void> {
    this.#startedAt = new Date()
    if (!this.spec.hooks?.poststart?.length && !hasHookFunctions(this.#hooks, 'poststart')) return
    try {
      const state = describeState(this.#directory, this.#state, 'running')
      await runHooks(this.spec.hooks?.poststart, 'poststart', state, { deadline })
      await runHookFunctions(this.#hooks, 'poststart', state, { deadline })
    } catch (error) {
      this.#signal(SIGKILL)
      throw error
    }
  }

  /**
   * How the container's process ended. Can be called any number of times, also afterwards. Without a record of the
   * exit (a container of another process, before Linux 6.15) code and signal are null. With a `signal` or a `timeout`
   * the container is ended as with {@link Container.stop} when that is reached, and the result says so.
   *
   * @throws NruncError ERR_OPTION_INVALID; ERR_ABORTED when the signal was aborted before the call
   */
  async wait(options: WaitOptions = {}): Promise<ContainerExit> {
    checkOptions(options, waitOptions)
    const deadline = Deadline.from(options)
    if (deadline !== undefined) this.obey(deadline)
    const { code, signal, finishedAt, counts } = await this.#exit
    const because = { timedOut: this.#cause === 'timedOut', aborted: this.#cause === 'aborted' }
    if (options.stats !== false) this.#lastStatistics ??= this.stats().catch(() => null)
    const [oomKilled, stats] = await Promise.all([this.#wasOomKilled(counts), options.stats === false ? null : this.#lastStatistics!])
    return { code, signal, oomKilled, startedAt: notAfter(finishedAt, this.#startedAt), finishedAt, ...because, stats }
  }

  /** COUNTS: as they were at the end; otherwise they are read, before the cgroups are removed. */
  #wasOomKilled(counts?: string): Promise<boolean> {
    const look = async (): Promise<boolean> =>
      (counts === undefined ? await oomKillCount(this.#state.cgroup_paths) : oomKills(counts)) > 0 || (await this.#oomRecord?.struck() ?? false)
    return this.#oomKilled ??= look()
  }

  /**
   * SIGTERM to init, and SIGKILL to all processes of the container when it still runs `gracePeriod` milliseconds later
   * (default 5000). One that has ended already is no error.
   *
   * @throws NruncError ERR_OPTION_INVALID
   */
  async stop(options: StopOptions = {}): Promise<ContainerExit> {
    const gracePeriod = gracePeriodOf(options)
    const waiting = statusOf(this.#directory, this.#state) === 'created' // no program yet that could heed a SIGTERM
    await stopGently(waiting ? 0 : gracePeriod, this.#exit, (signal) =>
      signal === 'SIGKILL' ? this.#killAll() : this.#signal(signalNumber(signal)))
    return this.wait()
  }

  /** @internal Stop when DEADLINE fires. */
  obey(deadline: Deadline): void {
    let ended = false
    void this.#exit.then(() => {
      ended = true
      deadline.clear()
    })
    deadline.onExpire(() => {
      if (ended) return
      this.#cause ??= deadline.cause
      this.stop(deadline).catch((error: unknown) => process.emitWarning(error as Error))
    })
  }

  /** What it writes to `stdout` (or to the terminal) as lines. Whoever leaves the loop early closes the stream. */
  [Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    return linesOf(this.stdout ?? this.terminal)
  }

  /**
   * Add a process.
   *
   * @throws NruncError ERR_STATUS when the container is stopped or paused; ERR_PROGRAM; ERR_OPTION_INVALID
   */
  async exec(options: ExecOptions): Promise<ContainerProcess> {
    this.#requireSame()
    return executeInContainer(this.#directory, this.#state, options, this.#seccompNotify)
  }

  /**
   * Add a process and run it to its end: the call gives a promise of the result, and a process as long as it runs.
   *
   * @throws NruncError as `exec`; {@link ExitError} when the program fails, unless `reject` is false
   */
  execute<const O extends ExecOptions & ExecutionOptions>(options: O): Execution<ContainerProcess, O> {
    return new Execution<ContainerProcess, O>(
      options, (streams) => this.exec({ ...withoutExecution(options), ...streams }), (process) => process[Symbol.asyncDispose](),
    )
  }

  /**
   * Send a signal (by name or number, default SIGTERM) to init; SIGKILL to a container without a pid namespace of its
   * own goes to all its processes.
   *
   * @throws NruncError ERR_STATUS `container not running`; ERR_OPTION_INVALID; ERR_SIGNAL
   */
  async kill(signal: string | number = 'SIGTERM'): Promise<void> {
    return this.#kill(signalNumber(signal)).catch((error: unknown) => { throw hostError(error) })
  }

  async #kill(number: number): Promise<void> {
    // Without a pid namespace the end of init is not the end of the others.
    if (number === SIGKILL && !this.#ownsPidNamespace && (await this.processes()).length > 0) {
      return killCgroup(this.#state.cgroup_paths)
    }
    if (statusOf(this.#directory, this.#state) === 'stopped') {
      throw new NruncError('ERR_STATUS', 'container not running', { operand: this.id })
    }
    checkSignal(this.#signal(number), this.pid)
    if (number === SIGKILL) thawCgroup(this.#state.cgroup_paths, { nested: true })
  }

  /**
   * Stop all processes where they are; {@link resume} lets them go on.
   *
   * @throws NruncError ERR_STATUS `container not running` unless it is created or running; ERR_CGROUP
   */
  async pause(): Promise<void> {
    await withLock(this.#directory, this.id, async () => {
      this.#requireSame()
      const status = statusOf(this.#directory, this.#state)
      if (status !== 'running' && status !== 'created') throw new NruncError('ERR_STATUS', 'container not running', { operand: this.id })
      await freezeCgroup(this.#state.cgroup_paths)
    })
    this.emit('paused')
  }

  /** Let a paused container go on. @throws NruncError ERR_STATUS `container not paused`; ERR_CGROUP */
  async resume(): Promise<void> {
    await withLock(this.#directory, this.id, async () => {
      this.#requireSame()
      if (statusOf(this.#directory, this.#state) !== 'paused') throw new NruncError('ERR_STATUS', 'container not paused', { operand: this.id })
      thawCgroup(this.#state.cgroup_paths)
    })
    this.emit('resumed')
  }

  /**
   * Save a running or paused container in the directory `imagePath`, for {@link Runtime.restore}. Afterwards it is gone,
   * deleted too, unless it was to be left running. Needs criu.
   *
   * @throws NruncError ERR_STATUS; ERR_CRIU, also where criu is missing or too old; ERR_OPTION_INVALID
   * @example await container.checkpoint({ imagePath: '/srv/checkpoints/web', tcpEstablished: true })
   */
  async checkpoint(options: CheckpointOptions): Promise<void> {
    const { checkCheckpointOptions } = await import('../checkpoint/options.ts')
    checkCheckpointOptions(options)
    await withLock(this.#directory, this.id, async () => {
      const { makeCheckpoint } = await import('../checkpoint/checkpoint.ts')
      this.#requireSame()
      await makeCheckpoint(this.#state, statusOf(this.#directory, this.#state), options)
    })
    if (!options.leaveRunning && !options.preDump) await this.delete({ force: true })
  }

  /**
   * Change limits, as `linux.resources` of config.json: what is not given stays, and so does what is zero. On cgroup v2
   * new device rules take the place of the old ones in one step. INTELRDT is the schemata of its resctrl group. When
   * something is refused all is as it was before.
   *
   * @throws NruncError ERR_STATUS when it is stopped; ERR_CGROUP, ERR_CONFIG_INVALID with a `field` relative to RESOURCES;
   * ERR_HOST where there is no resctrl
   * @example await container.update({ memory: { limit: 256 << 20 }, pids: { limit: 100 } })
   */
  async update(resources: Resources, intelRdt: RdtUpdate = {}): Promise<void> {
    await withLock(this.#directory, this.id, async () => {
      const { updateResources } = await import('./update.ts')
      this.#requireSame()
      this.#state = await updateResources(this.#directory, readState(this.#directory, this.id), resources, intelRdt)
    })
  }

  /**
   * What the container has used, read off the event loop: once, or with options at once and then every `interval`
   * milliseconds until the container ends.
   *
   * @throws NruncError ERR_CGROUP when it has no cgroup (any more); ERR_OPTION_INVALID; ERR_ABORTED
   *
   * @example
   * for await (const { memory } of container.stats({ interval: 500 })) console.log(memory.usage.usage)
   */
  stats(): Promise<Statistics>
  stats(options: StatsOptions): AsyncGenerator<Statistics, void, undefined>
  stats(options?: StatsOptions): Promise<Statistics> | AsyncGenerator<Statistics, void, undefined> {
    const read = async (): Promise<Statistics> =>
      (await import('../cgroup/statistics.ts')).readStatistics(this.#state.cgroup_paths)
    if (options === undefined) return read()
    checkOptions(options, new Set(['interval', 'signal']))
    return statsEvery(options, read, this.#exit)
  }

  /**
   * Be told of the OOM killer until the watch is closed. Does not keep the event loop alive.
   *
   * @throws NruncError ERR_CGROUP without a memory controller
   */
  async watchOom(listener: OomListener): Promise<CgroupWatch> {
    const { watchOom } = await import('../cgroup/watch.ts')
    return watchOom(this.#state.cgroup_paths, listener)
  }

  /**
   * Be told when memory gets short (LEVEL `low`, `medium` or `critical`) until the watch is closed. Does not keep the
   * event loop alive.
   *
   * @throws NruncError ERR_CGROUP where the host does not measure it
   */
  async watchMemoryPressure(level: PressureLevel, listener: PressureListener): Promise<CgroupWatch> {
    const { watchMemoryPressure } = await import('../cgroup/watch.ts')
    return watchMemoryPressure(this.#state.cgroup_paths, level, listener)
  }

  /**
   * Read a file of the container, created or running. Links are followed inside the container's root.
   *
   * @throws NruncError ERR_FILE, also when it is no regular file or larger than `maxBytes`; ERR_STATUS; ERR_ABORTED; ERR_TIMEOUT
   */
  async readFile(path: string, options: ReadFileOptions & { readonly encoding: BufferEncoding }): Promise<string>
  async readFile(path: string, options?: ReadFileOptions & { readonly encoding?: undefined }): Promise<Buffer>
  async readFile(path: string, options: ReadFileOptions = {}): Promise<Buffer | string> {
    return (await import('../files/read.ts')).readFile(this.#files, path, options)
  }

  /**
   * The same as a stream, of any size; its first bytes are read when the promise resolves, which OPTIONS are for. Whoever
   * does not read it to the end destroys it.
   */
  async readStream(path: string, options: FileCallOptions = {}): Promise<Readable> {
    return (await import('../files/read.ts')).readStream(this.#files, path, options)
  }

  /**
   * Write a file of the container, all at once: what is there under this name, also a link, is replaced.
   *
   * @throws NruncError ERR_FILE; ERR_STATUS; ERR_ABORTED; ERR_TIMEOUT
   */
  async writeFile(path: string, data: FileData, options: WriteFileOptions = {}): Promise<void> {
    return (await import('../files/write.ts')).writeFile(this.#files, path, data, options)
  }

  /**
   * Copy a file, link or directory of the host to PATH in the container, whose last component is the name that the copy
   * gets. A directory that is there already is added to.
   *
   * @throws NruncError ERR_FILE; ERR_STATUS; ERR_ABORTED; ERR_TIMEOUT; what was copied before stays
   */
  async copyIn(source: string, path: string, options: CopyOptions = {}): Promise<void> {
    return (await import('../files/copy.ts')).copyIn(this.#files, source, path, options)
  }

  /** The reverse: PATH of the container to DESTINATION on the host. Set-user-ID and set-group-ID are not copied. */
  async copyOut(path: string, destination: string, options: CopyOptions = {}): Promise<void> {
    return (await import('../files/copy.ts')).copyOut(this.#files, path, destination, options)
  }

  /** The state, for work on its files. @throws NruncError ERR_NOT_FOUND when it was deleted */
  get #files(): StateFile {
    this.#requireSame()
    return this.#state
  }

  /** The state, read afresh. @throws NruncError ERR_NOT_FOUND when it was deleted */
  async state(): Promise<State> {
    const state = readState(this.#directory, this.id)
    return describeState(this.#directory, state, statusOf(this.#directory, state))
  }

  /** Host's pids of all processes in the container, ascending. @throws NruncError ERR_CGROUP */
  async processes(): Promise<number[]> {
    const { cgroup_paths: paths, init_process_start: start } = this.#state
    if (Object.keys(paths).length > 0) return cgroupProcesses(paths)
    return isAlive(this.pid, start) ? namespaceProcesses(this.pid) : []
  }

  /**
   * Remove the container: its cgroups and its state; then the poststop hooks run. A created one is ended first, with
   * `force` a running one too.
   *
   * @throws NruncError ERR_STATUS when it is running or paused and `force` is not set; ERR_NOT_FOUND; ERR_CGROUP
   */
  async delete(options: { readonly force?: boolean | undefined } = {}): Promise<void> {
    checkDeletion(options)
    if (await this.#removeEnded()) return this.#runStopped()
    await withLock(this.#directory, this.id, async (lock) => {
      this.#requireSame()
      const status = this.#child?.ended ? 'stopped' : statusOf(this.#directory, this.#state)
      if (status !== 'stopped' && status !== 'created' && !options.force) {
        throw new NruncError('ERR_STATUS', `cannot delete container ${this.id} that is not stopped: ${status}`, { operand: this.id })
      }
      if (status !== 'stopped') await this.#finish()
      if (!this.#ownsPidNamespace) await killCgroup(this.#state.cgroup_paths)
      await this.#wasOomKilled()
      await this.#lastStatistics // somebody waits for them
      await removeContainer(lock, this.#directory, this.#state)
    })
    await this.#runStopped()
  }

  /** All at once where there is nothing to wait for; false where there is. */
  async #removeEnded(): Promise<boolean> {
    if (!this.#child?.ended || !this.#ownsPidNamespace) return false
    await this.#wasOomKilled()
    await this.#lastStatistics // somebody waits for them
    return removeEnded(this.#directory, this.#state)
  }

  /** Deletes the container, whatever it is doing; for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.delete({ force: true }).catch((error: unknown) => {
      if (!(error instanceof NruncError && error.code === 'ERR_NOT_FOUND')) throw error
    })
  }

  /** Another process may have deleted the container, and a new one taken its id. */
  #requireSame(): void {
    if (!isCurrent(this.#directory, this.#state)) throw notFound(this.id)
  }

  /** The end of init is then the end of all. One that was joined by its path goes on. */
  get #ownsPidNamespace(): boolean { return isNewNamespace(this.spec, 'pid') }

  get #exit(): Promise<Ended> {
    return this.#child?.exit ?? (this.#end ??= awaitExit(this.pid, String(this.#state.init_process_start)))
  }

  /** Init goes first: what it has started may not be in its cgroup any more. */
  async #killAll(): Promise<void> {
    this.#signal(SIGKILL)
    thawCgroup(this.#state.cgroup_paths)
    await killCgroup(this.#state.cgroup_paths)
  }

  #signal(number: number): number {
    return this.#child?.signal(number) ?? signalProcess(this.pid, String(this.#state.init_process_start), number)
  }

  async #finish(): Promise<void> {
    const result = this.#signal(SIGKILL)
    if (errnoName(-result) !== 'ESRCH') checkSignal(result, this.pid) // who may not end it would wait for ever
    thawCgroup(this.#state.cgroup_paths, { nested: true })
    await this.#endsWithin(KILL_PATIENCE)
    // Reaped by another process, which may take its time; what counts is that nothing runs any more.
    if (isAlive(this.pid, this.#state.init_process_start)) {
      throw new NruncError('ERR_STATUS', `container init still running: ${this.id}`, { operand: this.id })
    }
  }

  /** A process that the kernel holds (state D in proc_pid_stat(5), or frozen from above) does not heed a SIGKILL. */
  async #endsWithin(limit: number): Promise<void> {
    if (this.#child === undefined) return endsWithin(this.pid, String(this.#state.init_process_start), limit)
    let timer
    await Promise.race([this.#exit, new Promise((resolve) => { timer = setTimeout(resolve, limit) })])
    clearTimeout(timer)
  }

  /** What a poststop hook says does not bring the container back: a warning, as in the specification. */
  async #runStopped(): Promise<void> {
    if (!this.spec.hooks?.poststop?.length && !hasHookFunctions(this.#hooks, 'poststop')) return
    const { pid: _, ...state } = describeState(this.#directory, this.#state, 'stopped')
    const tolerate = (error: NruncError): void => process.emitWarning(error)
    await runHooks(this.spec.hooks?.poststop, 'poststop', state, { tolerate })
    await runHookFunctions(this.#hooks, 'poststop', state, { tolerate })
  }
}
