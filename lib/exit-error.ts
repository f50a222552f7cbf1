/**
 * A program that failed, as an error.
 */
import type { Statistics } from './cgroup/statistics.ts'
import type { DeadlineOptions } from './options/deadline.ts'
import { type ErrorCode, NruncError } from './errors.ts'
import type { ProcessExit } from './options/options.ts'

/** How an execution ended, in the result of one that succeeded and in the error of one that failed. */
export interface ExitFields extends Omit<ProcessExit, 'code'> {
  readonly failed: boolean
  /** The program's own; null after a signal. (`code` is that of the error.) */
  readonly exitCode: number | null
  /** It was killed because it wrote more than `maxBuffer` allows. */
  readonly maxBufferExceeded: boolean
  /** From the call to the end, milliseconds. */
  readonly durationMs: number
  /** Of a container of its own: as in {@link ContainerExit}. */
  readonly oomKilled?: boolean | undefined
  readonly stats?: Statistics | null | undefined
}

/** All fields of a result. */
export interface ExitError extends ExitFields {}

/**
 * What an execution rejects with when the program fails: it exits with another code than 0, is ended by a signal or by
 * an option, or writes too much. It has all fields of a result.
 */
export class ExitError extends NruncError {
  override readonly name = 'ExitError'
  readonly stdout: string | string[] | Buffer | undefined
  readonly stderr: string | string[] | Buffer | undefined

  /** @internal */
  constructor(fields: ExitFields, options: DeadlineOptions & { readonly maxBuffer?: number | undefined }) {
    const [code, message] = describe(fields, options)
    super(code, message, fields.aborted ? { cause: options.signal?.reason } : {})
    Object.assign(this, fields)
  }
}

function describe(
  { timedOut, aborted, maxBufferExceeded, signal, exitCode }: ExitFields, options: { readonly timeout?: number | undefined },
): [ErrorCode, string] {
  if (timedOut) return ['ERR_TIMEOUT', `the program timed out after ${options.timeout} ms`]
  if (aborted) return ['ERR_ABORTED', 'the program was aborted']
  if (maxBufferExceeded) return ['ERR_OUTPUT', 'the program wrote more than maxBuffer allows']
  if (signal !== null) return ['ERR_EXIT', `the program was ended by ${signal}`]
  return ['ERR_EXIT', exitCode === null ? 'the program has ended, nobody knows how' : `the program exited with code ${exitCode}`]
}
