/**
 * A process that runs in a container: the container's own, or one that exec added.
 */
import { renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { type Cause, Deadline, type DeadlineOptions, deadlineNames, gracePeriodOf, type StopOptions } from '../options/deadline.ts'
import { NruncError } from '../errors.ts'
import { linesOf } from '../streams/lines.ts'
import type { Child } from '../native/child.ts'
import { errnoName } from '../native/errno.ts'
import { checkOptions, type ProcessExit } from '../options/options.ts'
import { signalNumber } from './signals.ts'
import type { Descriptors } from '../streams/stdio.ts'
import type { Terminal } from '../streams/terminal.ts'

/**
 * What `container.exec` gives.
 *
 * @example
 * const shell = await container.exec({ args: ['sh', '-c', 'echo hi'] })
 * shell.stdout.pipe(process.stdout)
 * const { code } = await shell.wait()
 *
 * @example
 * for await (const line of await container.exec({ args: ['ls', '-l'] })) console.log(line)
 */
export class ContainerProcess {
  /** The pid, as the host sees it. */
  readonly pid: number
  /** Present for a stream that was asked for as `'pipe'`. */
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** Present with a terminal that did not go to a console socket. */
  readonly terminal: Terminal | null
  readonly #child: Child
  readonly #startedAt = new Date()
  #cause: Cause | undefined

  /** @internal */
  constructor(child: Child, descriptors: Descriptors, terminal: Terminal | null, deadline?: Deadline) {
    this.#child = child
    this.pid = child.pid
    void finishStreams(child, descriptors, terminal)
    if (deadline !== undefined) this.#obey(deadline)
    this.stdin = descriptors.streams.stdin
    this.stdout = descriptors.streams.stdout
    this.stderr = descriptors.streams.stderr
    this.terminal = terminal
  }

  /**
   * How it ended. Can be called any number of times, also afterwards. With a `signal` or a `timeout` the process is
   * ended as with {@link ContainerProcess.stop} when that is reached, and the result says so.
   *
   * @throws NruncError ERR_OPTION_INVALID; ERR_ABORTED when the signal was aborted before the call
   */
  async wait(options: DeadlineOptions = {}): Promise<ProcessExit> {
    checkOptions(options, new Set(deadlineNames))
    const deadline = Deadline.from(options)
    if (deadline !== undefined) this.#obey(deadline)
    const { code, signal, finishedAt } = await this.#child.exit
    const because = { timedOut: this.#cause === 'timedOut', aborted: this.#cause === 'aborted' }
    return { code, signal, startedAt: notAfter(finishedAt, this.#startedAt), finishedAt, ...because }
  }

  /**
   * Send a signal: by name or number, default SIGTERM.
   *
   * @throws NruncError ERR_OPTION_INVALID for an unknown signal, ERR_SIGNAL when it cannot be sent
   */
  async kill(signal: string | number = 'SIGTERM'): Promise<void> {
    checkSignal(this.#child.signal(signalNumber(signal)), this.pid)
  }

  /** SIGTERM, and SIGKILL when it still runs `gracePeriod` milliseconds later (default 5000). @throws NruncError ERR_OPTION_INVALID */
  async stop(options: StopOptions = {}): Promise<ProcessExit> {
    await stopGently(gracePeriodOf(options), this.#child.exit, (signal) => { this.#child.signal(signalNumber(signal)) })
    return this.wait()
  }

  /** Its output on `stdout` (or on the terminal) as lines. Whoever leaves the loop early closes the stream. */
  [Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    return linesOf(this.stdout ?? this.terminal)
  }

  /** Kills it if it still runs; for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.signal(signalNumber('SIGKILL'))
    await this.#child.exit
  }

  #obey(deadline: Deadline): void {
    deadline.onExpire(() => {
      if (this.#child.ended) return
      this.#cause ??= deadline.cause
      void this.stop(deadline)
    })
    void this.#child.exit.then(() => deadline.clear())
  }
}

/**
 * Send TERM, wait up to GRACE milliseconds for the end, and send KILL if it has not come.
 */
export async function stopGently(
  grace: number, exit: Promise<unknown>, send: (signal: 'SIGTERM' | 'SIGKILL') => unknown,
): Promise<void> {
  if (grace > 0) {
    await send('SIGTERM')
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => { timer = setTimeout(resolve, grace, true) })
    const ended = await Promise.race([exit.then(() => false), late]) === false
    clearTimeout(timer)
    if (ended) return
  }
  await send('SIGKILL')
  await exit
}

/** At the end of the process its streams end, whoever else has them open. */
export async function finishStreams(child: Child, descriptors: Descriptors, terminal: Terminal | null): Promise<void> {
  await child.exit
  descriptors.finish()
  terminal?.finish()
}

/** @throws NruncError ERR_SIGNAL for -errno */
export function checkSignal(result: number, pid: number): void {
  if (result === 0) return
  const errno = errnoName(-result)
  const words = errno === 'ESRCH' ? 'process already finished' : `unable to signal process ${pid}: ${errno}`
  throw new NruncError('ERR_SIGNAL', words, { syscall: 'pidfd_send_signal', errno, operand: String(pid) })
}

/**
 * The terminal of a process that has just been created, unless it went to a console socket. Its class is loaded only
 * here: Node's streams cost a command line that has no terminal several milliseconds.
 */
export async function takeTerminal(child: Child, wanted: boolean): Promise<Terminal | null> {
  if (!wanted) return null
  const { Terminal } = await import('../streams/terminal.ts')
  return new Terminal(await child.takeConsole())
}

/** Take it back: the process has come to nothing, and its pid will be another's. What cannot be removed is a warning. */
export function removePidFile(path: string | undefined): void {
  if (path === undefined) return
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') process.emitWarning(error as Error)
  }
}

/**
 * Decimal, no newline, under its name all at once.
 *
 * @throws NruncError ERR_OPTION_INVALID
 */
export function writePidFile(path: string | undefined, pid: number): void {
  if (path === undefined) return
  const beside = join(dirname(path), `.${basename(path)}`)
  try {
    writeFileSync(beside, String(pid), { mode: 0o644 })
    rename(beside, path)
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException
    throw new NruncError('ERR_OPTION_INVALID', `cannot write the pid file: ${message}`, { operand: path, errno: code, syscall, cause: error })
  }
}

/** @throws an error of node:fs; there is no file of the old name then */
function rename(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    unlinkSync(from)
    throw error
  }
}

/** When a program began: its end may be known first, and it did not begin after that. */
export const notAfter = (end: Date | null, begin: Date | null): Date | null =>
  (begin !== null && end !== null && end < begin ? end : begin)
