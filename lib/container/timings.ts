/**
 * When the steps of a start happened: stamps of CLOCK_MONOTONIC from Node, from the threads of the addon, and from init.
 * They are taken always, for a few microseconds in all; they are put together when somebody asks.
 */
import { operations } from '../plan/operations.ts'

/** One step. Steps of different places overlap. */
export interface Timing {
  /** As the `step` of an error: the name of an operation of the plan; for Node's own part what it does. */
  readonly step: string
  /** Node's main thread, its worker threads, or the container's first process. */
  readonly by: 'node' | 'host' | 'init'
  /** Milliseconds after {@link Timings.begin}. */
  readonly start: number
  /** Milliseconds. */
  readonly duration: number
}

/** Where the time of a start went. */
export interface Timings {
  /** When it was called for: nanoseconds of CLOCK_MONOTONIC, as of `process.hrtime.bigint()`. */
  readonly begin: bigint
  /** Milliseconds from there to the end of the last step. */
  readonly total: number
  /** In the order in which they began. */
  readonly steps: readonly Timing[]
}

/** Stamps of one child; nanoseconds. See `Spawn::Times` in `addon/host/spawn.cc` and `Stamps` in `addon/init/context.h`. */
export interface ChildStamps {
  /** Decimal, separated by blanks. */
  readonly host: string
  readonly init: Buffer
  /** When the program was executed; 0n before. */
  readonly executed: bigint
}

interface Span {
  readonly step: string
  readonly by: Timing['by']
  readonly start: bigint
  readonly end: bigint
}

/** Collects the spans of one start. */
export class Stopwatch {
  readonly #begin = process.hrtime.bigint()
  readonly #spans: Span[] = []
  readonly #executes: boolean
  #previous = this.#begin

  /** EXECUTES: the start goes on to the program at once. */
  constructor(executes: boolean) {
    this.#executes = executes
  }

  /** STEP of Node's is done: it began where the last one ended. */
  mark(step: string): void {
    const now = process.hrtime.bigint()
    this.#spans.push({ step, by: 'node', start: this.#previous, end: now })
    this.#previous = now
  }

  /** What has been stamped until now. */
  timings(child: ChildStamps): Timings {
    const all = [...this.#spans, ...hostSpans(child.host), ...initSpans(child, this.#executes ? 'execute' : 'awaitStart')]
      .filter(({ start, end }) => start >= this.#begin && end >= start) // a time namespace has a clock of its own
      .sort((one, other) => Number(one.start - other.start))
    const after = (time: bigint): number => Number(time - this.#begin) / 1e6
    const steps = all.map(({ step, by, start, end }): Timing => ({ step, by, start: after(start), duration: Number(end - start) / 1e6 }))
    return { begin: this.#begin, total: steps.reduce((last, { start, duration }) => Math.max(last, start + duration), 0), steps }
  }
}

function hostSpans(text: string): Span[] {
  const [prepare, prepared, clone, cloned, map, mapped, sent] = text.split(' ').filter(Boolean).map(BigInt)
  if (sent === undefined) return []
  const span = (step: string, start: bigint, end: bigint): Span => ({ step, by: 'host', start, end })
  return [
    span('makeCgroup', prepare!, prepared!), span('clone', clone!, cloned!), span('mapIds', map!, mapped!), span('sendPlan', mapped!, sent),
  ]
}

const names = new Map<number, string>(Object.entries(operations).map(([name, { code }]) => [code, name]))

/** Each stamp says when a run of operations of one kind began; it ends where the next begins, the last when init lets go of us. */
function initSpans({ init, executed }: ChildStamps, last: string): Span[] {
  const stamps = Array.from({ length: Math.floor(init.length / 12) }, (_, index) => ({
    step: names.get(init.readUInt32LE(index * 12)) ?? 'unknown', time: init.readBigUInt64LE(index * 12 + 4),
  }))
  return stamps.flatMap(({ step, time }, index): Span[] => {
    const next = stamps[index + 1]
    const end = next?.time ?? executed
    return end === 0n ? [] : [{ step: next === undefined ? last : step, by: 'init', start: time, end }]
  })
}

/** Milliseconds with three digits: start, duration, who, what; a line each, the total last. */
export function timingsText({ total, steps }: Timings): string {
  const number = (value: number): string => value.toFixed(3).padStart(9)
  const lines = steps.map(({ step, by, start, duration }) => `${number(start)} ${number(duration)}  ${by}  ${step}`)
  return `${'start'.padStart(9)} ${'ms'.padStart(9)}\n${lines.join('\n')}\n${number(0)} ${number(total)}  total\n`
}

/** One line of JSON; `begin` as a text, which holds all its digits. */
export const timingsJson = ({ begin, ...rest }: Timings): string => `${JSON.stringify({ begin: String(begin), ...rest })}\n`
