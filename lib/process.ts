/**
 * A process that runs in a container: the container's own, or one that exec added.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { NruncError } from './errors.ts'
import type { Child } from './native/child.ts'
import { errnoName } from './native/errno.ts'
import type { ExitResult } from './options.ts'
import { signalNumber } from './signals.ts'
import type { Descriptors } from './stdio.ts'
import type { Terminal } from './terminal.ts'

/**
 * What `container.exec` gives.
 *
 * @example
 * const shell = await container.exec({ args: ['sh', '-c', 'echo hi'] })
 * shell.stdout.pipe(process.stdout)
 * const { code } = await shell.wait()
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

  /** @internal */
  constructor(child: Child, descriptors: Descriptors, terminal: Terminal | null) {
    this.#child = child
    this.pid = child.pid
    this.stdin = descriptors.streams.stdin
    this.stdout = descriptors.streams.stdout
    this.stderr = descriptors.streams.stderr
    this.terminal = terminal
  }

  /** How it ended. Can be called any number of times, also afterwards. */
  wait(): Promise<ExitResult> {
    return this.#child.exit
  }

  /**
   * Send a signal: by name or number, default SIGTERM.
   *
   * @throws NruncError ERR_OPTION_INVALID for an unknown signal, ERR_SIGNAL when it cannot be sent
   */
  async kill(signal: string | number = 'SIGTERM'): Promise<void> {
    checkSignal(this.#child.signal(signalNumber(signal)), this.pid)
  }
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
  const { Terminal } = await import('./terminal.ts')
  return new Terminal(await child.takeConsole())
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
    renameSync(beside, path)
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException
    throw new NruncError('ERR_OPTION_INVALID', `cannot write the pid file: ${message}`, { operand: path, errno: code, syscall, cause: error })
  }
}
