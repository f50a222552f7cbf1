/**
 * What `exec` of a mock container gives.
 */
import type { Readable, Writable } from 'node:stream'
import { type Cause, Deadline, type DeadlineOptions, deadlineNames, gracePeriodOf, type StopOptions } from '../options/deadline.ts'
import type { ProcessLike } from '../like.ts'
import { linesOf } from '../streams/lines.ts'
import { checkOptions, type ProcessExit } from '../options/options.ts'
import { stopGently } from '../container/process.ts'
import type { Program } from './program.ts'
import type { MockTerminal } from './terminal.ts'

/** A process of the mock. */
export class MockProcess implements ProcessLike {
  readonly pid: number
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  readonly terminal: MockTerminal | null
  readonly #program: Program
  readonly #startedAt = new Date()
  #cause: Cause | undefined

  /** @internal */
  constructor(program: Program, pid: number, deadline?: Deadline) {
    this.pid = pid
    this.#program = program
    this.stdin = program.stdin
    this.stdout = program.stdout
    this.stderr = program.stderr
    this.terminal = program.terminal
    if (deadline !== undefined) this.#obey(deadline)
  }

  async wait(options: DeadlineOptions = {}): Promise<ProcessExit> {
    checkOptions(options, new Set(deadlineNames))
    const deadline = Deadline.from(options)
    if (deadline !== undefined) this.#obey(deadline)
    const exit = await this.#program.exit
    return { ...exit, startedAt: this.#startedAt, timedOut: this.#cause === 'timedOut', aborted: this.#cause === 'aborted' }
  }

  async kill(signal: string | number = 'SIGTERM'): Promise<void> {
    this.#program.kill(signal)
  }

  async stop(options: StopOptions = {}): Promise<ProcessExit> {
    await stopGently(gracePeriodOf(options), this.#program.exit, (signal) => { if (!this.#program.over) this.#program.kill(signal) })
    return this.wait()
  }

  [Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    return linesOf(this.stdout ?? this.terminal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop({ gracePeriod: 0 })
  }

  #obey(deadline: Deadline): void {
    deadline.onExpire(() => {
      if (this.#program.over) return
      this.#cause ??= deadline.cause
      void this.stop(deadline)
    })
    void this.#program.exit.then(() => deadline.clear())
  }
}
