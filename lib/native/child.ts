/**
 * A process that executes a plan, as the event loop sees it: each stage of its life is a promise.
 */
import { NruncError } from '../errors.ts'
import type { ExitResult } from '../options/options.ts'
import { signalName } from '../container/signals.ts'
import { encode } from '../plan/encode.ts'
import type { Operation } from '../plan/operations.ts'
import type { EncodedPlan } from '../plan/template.ts'
import type { ChildStamps } from '../container/timings.ts'
import { addon, EVENT, hold, letGo, subscribe, unsubscribe } from './addon.ts'
import type { CloneAhead } from './ahead.ts'
import { errnoName } from './errno.ts'
import { failureError } from './failure.ts'
import { type Ended, exitResult } from './watch.ts'

interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
  readonly settled: () => boolean
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  let settled = false
  const promise = new Promise<T>((yes, no) => {
    resolve = (value) => { settled = true; yes(value) }
    reject = (error) => { settled = true; no(error) }
  })
  promise.catch(() => {}) // whoever waits for it hears of it; nobody has to
  return { promise, resolve, reject, settled: () => settled }
}

const SIGKILL = 9
const nothing: Buffer = Buffer.alloc(0)

let leaving = false

/**
 * From now on the ends of processes are left for whoever inherits them: this process makes one that is to outlive it, and
 * conmon or a shim, which counts as its parent then, wants to learn its status, also of one that ends at once.
 */
export function leaveProcesses(): void {
  leaving = true
  addon().setReaping(false)
}

/** Whether {@link leaveProcesses} was called. */
export const leavesProcesses = (): boolean => leaving

/** What is asked of a start besides its plan. */
export interface ChildOptions {
  /** What stands on disk before anything is there that would have to be removed. */
  readonly state?: Operation | undefined
  /**
   * Nothing has to be done between the clone and the program: init gets its word at once, and
   * {@link Child.spawned} and {@link Child.created} are told together with {@link Child.executed}.
   */
  readonly go?: boolean | undefined
  /** Init that was cloned already; used if the plan wants the same namespaces. */
  readonly ahead?: CloneAhead | undefined
  /** A file that is read when the process has ended: {@link Ended.counts}. */
  readonly counts?: string | undefined
}

export class Child {
  /** The host's pid, 0 before it is known. */
  pid = 0
  /** Clock ticks after boot; proc(5), stat, field 22. */
  startTime = ''
  /** It went on as another process than the one that was cloned. */
  forked = false
  readonly #id: number
  readonly #spawned = deferred<void>()
  readonly #ready = deferred<void>()
  readonly #created = deferred<void>()
  readonly #executed = deferred<void>()
  readonly #console = deferred<number>()
  readonly #listener = deferred<number>()
  readonly #exit = deferred<Ended>()
  #hostStamps = ''
  #initStamps = nothing
  #executedAt = 0n
  #failure: NruncError | undefined
  #alive = true
  #killed = false
  #consoleTaken = false
  #listenerTaken = false

  /** Start executing PLAN. DESCRIPTORS are its slots; they stay the caller's. */
  constructor(plan: EncodedPlan, descriptors: readonly number[], { state, go = false, ahead, counts = '' }: ChildOptions = {}) {
    this.#id = subscribe((type, a, b, data) => this.#event(type, a, b, data))
    hold()
    const result = addon().spawn(this.#id, plan.host, descriptors, state === undefined ? nothing : encode([state]), go, ahead?.take() ?? -1, counts)
    if (result < 0) {
      this.#fail(new NruncError('ERR_NATIVE', spawnWords(errnoName(-result)), { errno: errnoName(-result) }))
      this.#end()
      return
    }
    // Init's part is compiled while it is being cloned.
    try {
      addon().plan(plan.init)
    } catch (error) {
      this.#fail(error as NruncError)
      addon().plan(nothing)
    }
  }

  /** There is a process, and its pid is known; it has still all of the plan to do. */
  get spawned(): Promise<void> { return this.#spawned.promise }
  /** The runtime hooks may run (the plan has awaitRuntimeHooks). */
  get ready(): Promise<void> { return this.#ready.promise }
  /** Everything but the exec is done, and pid and startTime are final. */
  get created(): Promise<void> { return this.#created.promise }
  /** The program was executed, or the channel to init was given up for exec.fifo. */
  get executed(): Promise<void> { return this.#executed.promise }
  /** Descriptor of the console's master; it belongs to whoever takes it. */
  takeConsole(): Promise<number> {
    this.#consoleTaken = true
    return this.#console.promise
  }

  /** Close the master that nobody has taken. */
  discardConsole(): void {
    if (!this.#consoleTaken) this.takeConsole().then((fd) => addon().close(fd), () => {})
  }

  /** Descriptor on which the kernel tells of trapped system calls; it belongs to the caller. To be asked for at once. */
  takeListener(): Promise<number> {
    this.#listenerTaken = true
    return this.#listener.promise
  }

  /** The end; also resolves when there never was a process. */
  get exit(): Promise<Ended> { return this.#exit.promise }

  /** Let init go on where it waits, or will wait: the word is there before it. */
  continue(): void {
    if (this.pid !== 0) this.#say()
    else this.#spawned.promise.then(() => this.#say(), () => {})
  }

  /** When init is gone its events say why; one that is there and cannot be told would wait for ever. */
  #say(): void {
    const errno = errnoName(Math.abs(addon().send(this.#id)))
    if (['E0', 'EPIPE', 'ECONNRESET'].includes(errno)) return
    this.#fail(new NruncError('ERR_NATIVE', `cannot let init go on: ${errno}`, { errno, syscall: 'sendto' }))
    this.signal(SIGKILL)
  }

  /**
   * The plan of the program, for an init that waits for it (awaitPlan). DESCRIPTORS are its slots; they stay the caller's.
   *
   * @returns false when init is gone
   * @throws NruncError ERR_NATIVE
   */
  sendPlan(plan: Uint8Array, descriptors: readonly number[]): boolean {
    const errno = this.#alive ? -addon().sendPlan(this.#id, this.pid, plan, descriptors) : 0
    if (errno > 0 && errnoName(errno) !== 'EPIPE') throw new NruncError('ERR_NATIVE', spawnWords(errnoName(errno)), { errno: errnoName(errno) })
    return this.#alive && errno === 0
  }

  /** When its steps happened, as far as it has come. */
  get stamps(): ChildStamps { return { host: this.#hostStamps, init: this.#initStamps, executed: this.#executedAt } }

  /** Whether it is gone, and reaped. */
  get ended(): boolean { return !this.#alive }

  /** One that forks while it is being made gets SIGKILL in its new shape as well. @returns 0 or -errno */
  signal(signal: number): number {
    this.#killed ||= signal === SIGKILL
    return this.#alive ? addon().signal(this.#id, signal) : -3
  }

  /** Kill it, and leave no zombie. */
  async destroy(): Promise<void> {
    this.signal(SIGKILL)
    await this.exit
    if (leaving && this.pid !== 0) addon().reap(this.pid)
    this.discardConsole()
  }

  #event(type: number, a: number, b: number, data: Buffer): void {
    switch (type) {
      case EVENT.spawned:
        this.forked = this.pid !== 0
        this.pid = a
        this.#started(data.toString())
        if (this.#killed) addon().signal(this.#id, SIGKILL) // what was meant for it may have met the process that forked
        this.#spawned.resolve()
        break
      case EVENT.ready: this.#ready.resolve(); break
      case EVENT.created:
        this.#initStamps = data
        this.#created.resolve()
        break
      case EVENT.console: this.#console.resolve(a); break
      case EVENT.listener:
        if (this.#listenerTaken) this.#listener.resolve(a)
        else addon().close(a)
        break
      case EVENT.failed:
        this.#fail(failureError(data))
        if (this.pid === 0) this.#end() // the host's part failed: there is no process, and no other event
        break
      case EVENT.closed:
        this.#executedAt = (BigInt(b) << 32n) | BigInt(a >>> 0)
        if (this.#failure === undefined && this.#created.settled()) this.#executed.resolve()
        break
      case EVENT.exited:
        if (!this.#executed.settled()) this.#fail(new NruncError('ERR_INIT', `container init ended early: ${describe(a, b)}`))
        this.#end(exitResult(a, b), data.length > 0 ? data.toString('latin1') : undefined)
    }
  }

  /** One that forks on its way starts twice; only the first time there are stamps. */
  #started(data: string): void {
    const end = data.indexOf(' ')
    this.startTime = end < 0 ? data : data.slice(0, end)
    if (end >= 0) this.#hostStamps = data.slice(end)
  }

  #fail(error: NruncError): void {
    this.#failure ??= error
    for (const stage of [this.#spawned, this.#ready, this.#created, this.#executed, this.#console, this.#listener]) {
      if (!stage.settled()) stage.reject(this.#failure)
    }
  }

  #end(result: ExitResult = { code: null, signal: null }, counts?: string): void {
    if (!this.#alive) return
    this.#alive = false
    unsubscribe(this.#id)
    letGo()
    this.#exit.resolve({ ...result, finishedAt: new Date(), counts })
  }
}

/** What was refused before anything began: a thread, or the copy of a descriptor. */
const spawnWords = (errno: string): string =>
  (errno === 'EAGAIN' ? 'cannot start a thread: EAGAIN' : `cannot duplicate a descriptor: ${errno}`)

const describe = (code: number, signal: number): string => (code >= 0 ? `exit code ${code}` : signal > 0 ? signalName(signal) : 'unknown')
