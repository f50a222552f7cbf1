/**
 * A program run to its end, in the manner of execa: what a call returns is a promise of the result, and a process as
 * long as it runs.
 */
import { finished, PassThrough, Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { now } from '../clock.ts'
import { collect, type Collected, type Output, type OutputOptions } from '../streams/collect.ts'
import { NruncError } from '../errors.ts'
import { ExitError, type ExitFields } from '../exit-error.ts'
import { linesOf } from '../streams/lines.ts'
import { checkObject, checkTypes } from '../options/option-types.ts'
import type { ProcessExit, Stdio } from '../options/options.ts'

/** What every `execute` takes, besides the options of the call that makes the container or process. */
export interface ExecutionOptions extends OutputOptions {
  /**
   * What the program reads on its standard input, which ends after it. A stream that the program does not read to its end
   * is not destroyed. Default: nothing.
   */
  readonly input?: string | Uint8Array | Readable | undefined
  /** Whether a program that fails is a rejection. Default true; otherwise the error is what the promise resolves to. */
  readonly reject?: boolean | undefined
}

const executionNames = ['input', 'encoding', 'lines', 'stripFinalNewline', 'maxBuffer', 'buffer', 'reject'] as const

/** The options that are for the making of the container or process, without those of the execution. */
export function withoutExecution<O extends object>(options: O): Omit<O, keyof ExecutionOptions> {
  checkTypes(options)
  const rest = { ...options } as Record<string, unknown>
  for (const name of executionNames) delete rest[name]
  return rest as Omit<O, keyof ExecutionOptions>
}

/** Result and error have one shape: {@link ExitError} has the same fields, and `failed` is true there. */
export interface ExecutionResult<O extends OutputOptions = OutputOptions> extends ExitFields {
  /** Undefined for one that goes elsewhere. */
  readonly stdout: O extends { readonly stdout: Elsewhere } ? undefined : Output<O>
  readonly stderr: O extends { readonly stderr: Elsewhere } ? undefined : Output<O>
}

/** What the promise resolves to: with `reject: false` the error of a program that failed, too; `failed` tells which. */
export type ExecutionOutcome<O extends OutputOptions = OutputOptions> = O extends { readonly reject: false }
  ? ExecutionResult<O> & ({ readonly failed: false; readonly code?: undefined; readonly message?: undefined } | ExitError & { readonly failed: true })
  : ExecutionResult<O>

type Elsewhere = Exclude<Stdio, 'pipe'>

/** What an execution is of: a container, or a process that exec added. */
export interface Running {
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  wait(): Promise<ProcessExit>
  kill(signal?: string | number): Promise<void>
}

interface Streams {
  readonly stdin?: Stdio | undefined
  readonly stdout?: Stdio | undefined
  readonly stderr?: Stdio | undefined
}

/**
 * What `runtime.execute` and `container.execute` return. The streams are there at once; nothing of them is lost before
 * the program runs.
 *
 * @example
 * const { stdout } = await container.execute({ args: ['ls', '/'] })
 *
 * @example
 * for await (const line of container.execute({ args: ['ping', 'localhost'], timeout: 5000, buffer: false })) console.log(line)
 */
export class Execution<T extends Running, O extends OutputOptions = OutputOptions> implements Promise<ExecutionOutcome<O>> {
  readonly [Symbol.toStringTag] = 'Execution'
  /** With `stdin: 'pipe'`; null otherwise. */
  readonly stdin: PassThrough | null
  readonly stdout: PassThrough | null
  readonly stderr: PassThrough | null
  /** The container, or the process, once it runs. */
  readonly started: Promise<T>
  readonly #result: Promise<ExecutionOutcome<O>>

  /** @internal START makes it with these streams; RELEASE removes what is left after its end. */
  constructor(
    options: ExecutionOptions & Streams & O,
    start: (streams: Streams) => Promise<T>, release: (running: T) => Promise<void>,
  ) {
    checkObject(options)
    const { input, stdin = input === undefined ? 'ignore' : 'pipe', stdout = 'pipe', stderr = 'pipe' } = options
    const wrong = input !== undefined && stdin !== 'pipe'
    this.stdin = stdin === 'pipe' && input === undefined ? new PassThrough() : null
    this.stdout = stdout === 'pipe' ? new PassThrough() : null
    this.stderr = stderr === 'pipe' ? new PassThrough() : null
    const kill = (): void => { this.kill('SIGKILL').catch(() => {}) }
    const outputs = [collect(this.stdout, options, kill), collect(this.stderr, options, kill)] as const
    this.started = wrong
      ? Promise.reject(new NruncError('ERR_OPTION_INVALID', 'input goes with stdin "pipe" only', { operand: 'input' }))
      : start({ stdin, stdout, stderr })
    this.started.catch(() => {}) // the result tells of it
    this.#result = this.#run(options, outputs, release)
  }

  then<A = ExecutionOutcome<O>, B = never>(
    onResult?: ((result: ExecutionOutcome<O>) => A | PromiseLike<A>) | null, onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#result.then(onResult, onError)
  }

  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<ExecutionOutcome<O> | B> {
    return this.#result.catch(onError)
  }

  finally(onEnd?: (() => void) | null): Promise<ExecutionOutcome<O>> {
    return this.#result.finally(onEnd)
  }

  /** Send a signal, once the program runs. @throws NruncError as `kill` of a container or process */
  async kill(signal: string | number = 'SIGTERM'): Promise<void> {
    await (await this.started).kill(signal)
  }

  /**
   * The lines of `stdout`, from the first one when the loop begins in the turn of the event loop in which the call was
   * made. After the last one it throws what the promise rejects with. Whoever leaves the loop early kills the program.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    let complete = false
    this.#result.catch(() => {})
    try {
      yield* linesOf(this.stdout)
      complete = true
    } catch (error) {
      complete = true
      await this.#result // a program that was ended says more than its stream, which broke off
      throw error
    } finally {
      if (!complete) {
        await this.kill('SIGKILL').catch(() => {})
        await this.#result.catch(() => {})
      }
    }
    await this.#result
  }

  async #run(
    options: ExecutionOptions & O, outputs: readonly [Collected<O>, Collected<O>], release: (running: T) => Promise<void>,
  ): Promise<ExecutionOutcome<O>> {
    const begun = now()
    const running = await this.started.catch((error: unknown) => {
      this.stdin?.destroy()
      for (const stream of [this.stdout, this.stderr]) stream?.end() // who reads them hears of the error from the promise
      throw error
    })
    try {
      this.#connect(running, options.input)
      const [exit, stdout, stderr] = await Promise.all([running.wait(), outputs[0].done, outputs[1].done])
      const fields = {
        ...exitFields(exit, outputs.some((output) => output.overflown)), durationMs: now() - begun, stdout, stderr,
      }
      if (!fields.failed) return fields as ExecutionOutcome<O>
      const error = new ExitError(fields, options)
      if (options.reject ?? true) throw error
      return error as unknown as ExecutionOutcome<O>
    } finally {
      this.stdin?.destroy()
      await release(running)
    }
  }

  /** A stream that breaks off, at either end, is no failure of the program: it has its own way to notice. */
  #connect(running: T, input: ExecutionOptions['input']): void {
    const join = (from: NodeJS.ReadableStream, to: NodeJS.WritableStream): void => { pipeline(from, to).catch(() => {}) }
    if (running.stdout !== null && this.stdout !== null) join(running.stdout, this.stdout)
    if (running.stderr !== null && this.stderr !== null) join(running.stderr, this.stderr)
    if (running.stdout === null) this.stdout?.end()
    if (running.stderr === null) this.stderr?.end()
    if (running.stdin === null) return
    if (this.stdin !== null) join(this.stdin, running.stdin)
    else if (input !== undefined) feed(input, running.stdin)
  }
}

/** What is the caller's stays his: an HTTP request whose body was not of interest can still be answered. */
function feed(input: string | Uint8Array | Readable, stdin: Writable): void {
  stdin.on('error', () => {})
  if (!(input instanceof Readable)) return void stdin.end(input)
  input.pipe(stdin)
  const forget = finished(input, { writable: false }, () => stdin.end()) // also when it breaks off
  stdin.once('close', forget)
}

function exitFields({ code, ...exit }: ProcessExit, maxBufferExceeded: boolean): Omit<ExitFields, 'durationMs'> {
  const failed = code !== 0 || exit.timedOut || exit.aborted || maxBufferExceeded
  return { ...exit, failed, exitCode: code, maxBufferExceeded }
}
