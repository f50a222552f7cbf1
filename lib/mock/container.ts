/**
 * A container of the mock: a program and a map of files.
 */
import { EventEmitter } from 'node:events'
import { Readable, type Writable } from 'node:stream'
import type { Statistics } from '../cgroup/statistics.ts'
import type { CgroupWatch, OomListener, PressureLevel, PressureListener } from '../cgroup/watch.ts'
import { type Cause, Deadline, deadlineNames, gracePeriodOf, type StopOptions } from '../options/deadline.ts'
import { type FileCallOptions, fileCallNames, inTime } from '../options/in-time.ts'
import { NruncError } from '../errors.ts'
import type { ContainerEvents } from '../container/events.ts'
import { checkExecOptions } from '../container/exec.ts'
import { Execution, type ExecutionOptions, withoutExecution } from '../container/execution.ts'
import { type CheckpointOptions, checkCheckpointOptions } from '../checkpoint/options.ts'
import type { CopyOptions } from '../files/copy.ts'
import type { ReadFileOptions } from '../files/read.ts'
import { checkData, type FileData, type WriteFileOptions } from '../files/write.ts'
import { type HookFunctions, runHookFunctions } from '../start/hooks.ts'
import type { ContainerLike } from '../like.ts'
import { linesOf } from '../streams/lines.ts'
import { checkDeletion, checkOptions, type ContainerExit, type CreateOptions, type ExecOptions, type State, type Status, type WaitOptions } from '../options/options.ts'
import { stopGently } from '../container/process.ts'
import type { ProcessSpec, Resources, Spec } from '../spec/schema.ts'
import { statsEvery, type StatsOptions } from '../container/stats.ts'
import { copyInMock, copyOutMock, type MockFiles, placeOf, readMock, writeMock } from './files.ts'
import { MockProcess } from './process.ts'
import { type MockProgram, Program } from './program.ts'
import type { MockTerminal } from './terminal.ts'

/** What a mock runtime gives to its containers. */
export interface MockWorld {
  readonly root: string
  readonly program: MockProgram
  readonly statistics: (id: string) => Statistics
  readonly remove: (id: string) => void
}

let lastPid = 100_000

/** A container of the mock; tests can also look at its `files`, and call `runOutOfMemory`. */
export class MockContainer extends EventEmitter<ContainerEvents> implements ContainerLike {
  readonly id: string
  readonly root: string
  readonly pid = ++lastPid
  readonly bundle: string
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  readonly terminal: MockTerminal | null
  readonly timings = null
  readonly notified = null
  /** Its files by path; to look at and to change. */
  readonly files: MockFiles = new Map()
  readonly #world: MockWorld
  readonly #main: Program
  readonly #added = new Set<Program>()
  readonly #created = new Date().toISOString()
  readonly #hooks: HookFunctions | undefined
  #spec: Spec
  #status: Status = 'created'
  #startedAt: Date | null = null
  #cause: Cause | undefined
  #oomKilled = false

  /** @internal */
  constructor(world: MockWorld, id: string, bundle: string, spec: Spec, options: CreateOptions) {
    super()
    this.#world = world
    this.id = id
    this.root = world.root
    this.bundle = bundle
    this.#spec = spec
    this.#hooks = options.hooks
    const main = this.#main = new Program({ id, process: spec.process as ProcessSpec, files: this.files, options })
    this.stdin = main.stdin
    this.stdout = main.stdout
    this.stderr = main.stderr
    this.terminal = main.terminal
    void main.exit.then(async () => {
      this.#status = 'stopped'
      for (const added of this.#added) if (!added.over) added.kill('SIGKILL')
      this.emit('exit', await this.wait())
    })
  }

  get spec(): Spec { return this.#spec }

  async start(): Promise<void> {
    if (this.#status !== 'created') {
      const words = this.#status === 'stopped' ? 'cannot start a container that has stopped' : 'cannot start an already running container'
      throw new NruncError('ERR_STATUS', words, { operand: this.id })
    }
    this.#status = 'running'
    this.#startedAt = new Date()
    this.#main.start(this.#world.program)
    await runHookFunctions(this.#hooks, 'poststart', await this.state()).catch((error: unknown) => {
      this.#kill('SIGKILL')
      throw error
    })
  }

  async wait(options: WaitOptions = {}): Promise<ContainerExit> {
    checkOptions(options, new Set([...deadlineNames, 'stats']))
    const deadline = Deadline.from(options)
    if (deadline !== undefined) this.obey(deadline)
    const exit = await this.#main.exit
    return {
      ...exit, startedAt: this.#startedAt, timedOut: this.#cause === 'timedOut', aborted: this.#cause === 'aborted',
      oomKilled: this.#oomKilled, stats: options.stats === false ? null : this.#world.statistics(this.id),
    }
  }

  /** @internal */
  obey(deadline: Deadline): void {
    deadline.onExpire(() => {
      if (this.#main.over) return
      this.#cause ??= deadline.cause
      void this.stop(deadline)
    })
    void this.#main.exit.then(() => deadline.clear())
  }

  async stop(options: StopOptions = {}): Promise<ContainerExit> {
    const gracePeriod = gracePeriodOf(options)
    await stopGently(this.#status === 'created' ? 0 : gracePeriod, this.#main.exit, (signal) => this.#kill(signal))
    return this.wait()
  }

  [Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    return linesOf(this.stdout ?? this.terminal)
  }

  async exec(options: ExecOptions): Promise<MockProcess> {
    checkExecOptions(options)
    if (this.#status === 'stopped') throw new NruncError('ERR_STATUS', 'cannot exec in a stopped container', { operand: this.id })
    if (this.#status === 'paused' && !options.ignorePaused) {
      throw new NruncError('ERR_STATUS', 'cannot exec in a paused container (use --ignore-paused to override)', { operand: this.id })
    }
    const own = this.#spec.process as ProcessSpec
    const process = options.process ?? {
      ...own, args: [...options.args ?? []], env: [...own.env ?? [], ...options.env ?? []], cwd: options.cwd ?? own.cwd,
      terminal: options.terminal ?? false, user: { ...own.user, ...options.user } as ProcessSpec['user'],
    }
    if (!process.args?.length) throw new NruncError('ERR_CONFIG_INVALID', 'process args cannot be empty', { field: '/args' })
    const deadline = Deadline.from(options)
    const program = new Program({ id: this.id, process, files: this.files, options })
    this.#added.add(program)
    void program.exit.then(() => this.#added.delete(program))
    const made = new MockProcess(program, ++lastPid, deadline)
    program.start(this.#world.program)
    return made
  }

  execute<const O extends ExecOptions & ExecutionOptions>(options: O): Execution<MockProcess, O> {
    return new Execution<MockProcess, O>(
      options, (streams) => this.exec({ ...withoutExecution(options), ...streams }), (process) => process[Symbol.asyncDispose](),
    )
  }

  async kill(signal: string | number = 'SIGTERM'): Promise<void> {
    if (this.#status === 'stopped') throw new NruncError('ERR_STATUS', 'container not running', { operand: this.id })
    this.#main.kill(signal)
  }

  async pause(): Promise<void> {
    if (this.#status !== 'running' && this.#status !== 'created') throw new NruncError('ERR_STATUS', 'container not running', { operand: this.id })
    this.#status = 'paused'
    this.emit('paused')
  }

  async resume(): Promise<void> {
    if (this.#status !== 'paused') throw new NruncError('ERR_STATUS', 'container not paused', { operand: this.id })
    this.#status = this.#startedAt === null ? 'created' : 'running'
    this.emit('resumed')
  }

  async checkpoint(options: CheckpointOptions): Promise<void> {
    checkCheckpointOptions(options)
    if (this.#status !== 'running' && this.#status !== 'paused') {
      throw new NruncError('ERR_STATUS', `container cannot be checkpointed in ${this.#status} state`, { operand: this.id })
    }
    if (!options.leaveRunning && !options.preDump) await this.delete({ force: true })
  }

  async update(resources: Resources): Promise<void> {
    if (this.#status === 'stopped') throw new NruncError('ERR_STATUS', 'container not running', { operand: this.id })
    this.#spec = { ...this.#spec, linux: { ...this.#spec.linux, resources: { ...this.#spec.linux?.resources, ...resources } } }
  }

  stats(): Promise<Statistics>
  stats(options: StatsOptions): AsyncGenerator<Statistics, void, undefined>
  stats(options?: StatsOptions): Promise<Statistics> | AsyncGenerator<Statistics, void, undefined> {
    const read = async (): Promise<Statistics> => this.#world.statistics(this.id)
    if (options === undefined) return read()
    checkOptions(options, new Set(['interval', 'signal']))
    return statsEvery(options, read, this.#main.exit)
  }

  async watchOom({ oom, end }: OomListener): Promise<CgroupWatch> {
    return this.#watch('oom', oom, end)
  }

  async watchMemoryPressure(_level: PressureLevel, { pressure, end }: PressureListener): Promise<CgroupWatch> {
    return this.#watch('memoryPressure', pressure, end)
  }

  /** The OOM killer strikes: event, `oomKilled`, and the end of the program. For tests. */
  runOutOfMemory(): void {
    this.#oomKilled = true
    this.emit('oom')
    this.#kill('SIGKILL')
  }

  async readFile(path: string, options: ReadFileOptions & { readonly encoding: BufferEncoding }): Promise<string>
  async readFile(path: string, options?: ReadFileOptions & { readonly encoding?: undefined }): Promise<Buffer>
  async readFile(path: string, options: ReadFileOptions = {}): Promise<Buffer | string> {
    checkOptions(options, new Set(['encoding', 'maxBytes', ...fileCallNames]))
    return inTime(options, async () => {
      const content = readMock(this.#used(), path, options.maxBytes)
      return options.encoding === undefined ? content : content.toString(options.encoding)
    })
  }

  async readStream(path: string, options: FileCallOptions = {}): Promise<Readable> {
    checkOptions(options, new Set(fileCallNames))
    return inTime(options, async () => Readable.from([readMock(this.#used(), path)], { objectMode: false }))
  }

  /** The mock keeps neither modes nor owners. */
  async writeFile(path: string, data: FileData, options: WriteFileOptions = {}): Promise<void> {
    checkOptions(options, new Set(['mode', 'owner', ...fileCallNames]))
    checkData(data)
    return inTime(options, (check) => writeMock(this.#used(), path, data, check))
  }

  async copyIn(source: string, path: string, options: CopyOptions = {}): Promise<void> {
    checkCopy(options)
    return inTime(options, (check) => copyInMock(this.#used(), source, placeOf(path), check))
  }

  async copyOut(path: string, destination: string, options: CopyOptions = {}): Promise<void> {
    checkCopy(options)
    return inTime(options, (check) => copyOutMock(this.#used(), path, destination, check))
  }

  async state(): Promise<State> {
    return {
      ociVersion: this.#spec.ociVersion, id: this.id, pid: this.#status === 'stopped' ? 0 : this.pid, status: this.#status,
      bundle: this.bundle, rootfs: this.#spec.root.path, created: this.#created, owner: 'mock',
      ...(this.#spec.annotations === undefined ? {} : { annotations: this.#spec.annotations }),
    }
  }

  /** Its own, whatever exec has added: they are no processes. */
  async processes(): Promise<number[]> {
    return this.#status === 'stopped' ? [] : [this.pid]
  }

  async delete(options: { readonly force?: boolean | undefined } = {}): Promise<void> {
    checkDeletion(options)
    if (this.#status !== 'stopped' && this.#status !== 'created' && !options.force) {
      throw new NruncError('ERR_STATUS', `cannot delete container ${this.id} that is not stopped: ${this.#status}`, { operand: this.id })
    }
    this.#kill('SIGKILL')
    await this.#main.exit
    this.#world.remove(this.id)
    const { pid: _, ...state } = await this.state()
    await runHookFunctions(this.#hooks, 'poststop', { ...state, status: 'stopped' }, { tolerate: (error) => process.emitWarning(error) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.delete({ force: true }).catch((error: unknown) => {
      if (!(error instanceof NruncError && error.code === 'ERR_NOT_FOUND')) throw error
    })
  }

  #kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (!this.#main.over) this.#main.kill(signal)
  }

  #used(): MockFiles {
    if (this.#status === 'stopped') throw new NruncError('ERR_STATUS', 'cannot use the files of a stopped container', { operand: this.id })
    return this.files
  }

  #watch(name: 'oom' | 'memoryPressure', listener: () => void, end?: () => void): CgroupWatch {
    this.on(name, listener)
    if (end !== undefined) void this.#main.exit.then(end)
    return { close: () => { this.off(name, listener) } }
  }
}

const checkCopy = (options: CopyOptions): void => checkOptions(options, new Set(['owner', 'maxBytes', 'maxEntries', ...fileCallNames]))
