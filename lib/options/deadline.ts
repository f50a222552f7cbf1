/**
 * What ends a call or a process before its time: an AbortSignal, or a number of milliseconds.
 */
import { NruncError } from '../errors.ts'
import { checkOptions } from './options.ts'

/** What ends a call, or what it makes, before its time. */
export interface DeadlineOptions {
  /** Its abort ends what the call makes. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds after which the same happens; 1 to 2147483647. Default: none. */
  readonly timeout?: number | undefined
  /** Milliseconds from SIGTERM to SIGKILL; 0 kills at once. Default 5000. */
  readonly gracePeriod?: number | undefined
}

export const deadlineNames = ['signal', 'timeout', 'gracePeriod'] as const

const GRACE_PERIOD = 5000

/** What `stop` takes. */
export type StopOptions = Pick<DeadlineOptions, 'gracePeriod'>

const stopNames = new Set(['gracePeriod'])

/** Milliseconds. @throws NruncError ERR_OPTION_INVALID */
export function gracePeriodOf(options: StopOptions): number {
  checkOptions(options, stopNames)
  const { gracePeriod = GRACE_PERIOD } = options
  if (!inRange(gracePeriod, 0)) throw invalid('gracePeriod', `an integer from 0 to ${LONGEST}`)
  return gracePeriod
}

/** setTimeout takes no longer one. */
const LONGEST = 2 ** 31 - 1

/** Why a process was ended by this library. */
export type Cause = 'aborted' | 'timedOut'

/** Fires once, at the abort or when the time has run out, whichever is first; then or never. */
export class Deadline {
  readonly gracePeriod: number
  readonly #signal: AbortSignal | undefined
  readonly #timeout: number | undefined
  readonly #timer: NodeJS.Timeout | undefined
  #cause: Cause | undefined
  #stop: (() => void) | undefined
  readonly #late = new Set<() => void>()

  /**
   * @throws NruncError ERR_OPTION_INVALID; ERR_ABORTED when the signal has been aborted already
   */
  constructor({ signal, timeout, gracePeriod }: DeadlineOptions) {
    if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid('signal', 'an AbortSignal')
    if (timeout !== undefined && !inRange(timeout, 1)) throw invalid('timeout', `an integer from 1 to ${LONGEST}`)
    this.gracePeriod = gracePeriodOf({ gracePeriod })
    this.#signal = signal
    this.#timeout = timeout
    if (signal?.aborted) this.#cause = 'aborted'
    this.check()
    signal?.addEventListener('abort', this.#abort, { once: true })
    if (timeout !== undefined) this.#timer = setTimeout(() => this.#expire('timedOut'), timeout)
  }

  /** None where no option asks for one. @throws as the constructor */
  static from(options: DeadlineOptions): Deadline | undefined {
    if (options.signal === undefined && options.timeout === undefined && options.gracePeriod === undefined) return undefined
    return new Deadline(options)
  }

  /** Why it has fired, if it has. */
  get cause(): Cause | undefined { return this.#cause }

  /** Call STOP when it fires, instead of what was given before; at once when it has fired. */
  onExpire(stop: () => void): void {
    this.#stop = stop
    if (this.#cause !== undefined) stop()
  }

  /** Call TELL too when it fires; at once when it has. What is returned takes that back. */
  onLate(tell: () => void): () => void {
    if (this.#cause === undefined) this.#late.add(tell)
    else tell()
    return () => this.#late.delete(tell)
  }

  /** What WORK gives, or the error of this deadline when it fires before. */
  async race<T>(work: Promise<T>): Promise<T> {
    let forget: (() => void) | undefined
    try {
      return await Promise.race([work, new Promise<never>((_, reject) => { forget = this.onLate(() => reject(this.error())) })])
    } finally {
      forget?.()
    }
  }

  /** It will not fire any more. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#stop = undefined
  }

  /** @throws NruncError ERR_ABORTED, ERR_TIMEOUT when it has fired */
  check(): void {
    if (this.#cause !== undefined) throw this.error()
  }

  /** The error of a call that it has ended. */
  error(): NruncError {
    if (this.#cause === 'aborted') return new NruncError('ERR_ABORTED', 'the call was aborted', { cause: this.#signal?.reason })
    return new NruncError('ERR_TIMEOUT', `timed out after ${this.#timeout} ms`)
  }

  readonly #abort = (): void => this.#expire('aborted')

  #expire(cause: Cause): void {
    if (this.#cause !== undefined) return
    this.#cause = cause
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#stop?.()
    for (const tell of this.#late) tell()
  }
}

const inRange = (value: unknown, lowest: number): boolean =>
  Number.isInteger(value) && (value as number) >= lowest && (value as number) <= LONGEST

const invalid = (name: string, words: string): NruncError =>
  new NruncError('ERR_OPTION_INVALID', `${name} must be ${words}`, { operand: name })
