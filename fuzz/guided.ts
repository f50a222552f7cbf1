/** Fuzzing guided by coverage: an input that does something new is kept, and is what further ones are made of. */
import type { Random } from '../test/unit/plan/random.ts'
import { parseJson, stringifyJson } from '../lib/spec/parse.ts'
import type { Coverage } from './coverage.ts'
import { type Json, places, remove } from './mutate.ts'
import { cpuTime, type Target } from './target.ts'
import { textOf } from './targets.ts'

interface Kept {
  readonly document: Json
  /** It did not end in an error, and so came far. */
  readonly good: boolean
}

/** Runs between two questions after what ran: one costs as much as several runs. */
const AT_ONCE = 16

/** How often an input that is kept is tried with a part of it taken out. */
const SHRINKS = 24

export class Guided {
  readonly kept: Kept[] = []
  readonly outcomes: Record<string, number> = {}
  /** Milliseconds of the processor, of the longest run. */
  longest = 0
  /** The text that was run last. */
  last = ''
  readonly #target: Target
  readonly #coverage: Coverage
  readonly #seen = new Set<string>()

  constructor(target: Target, coverage: Coverage) {
    this.#target = target
    this.#coverage = coverage
  }

  /** What ran so far, in pieces. */
  get covered(): number { return this.#seen.size }

  #run(text: string): string {
    this.last = text
    const start = cpuTime()
    const outcome = this.#target.run(text)
    this.longest = Math.max(this.longest, cpuTime() - start)
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1
    return outcome
  }

  #fresh(): string[] { return this.#coverage.take().filter((one) => !this.#seen.has(one)) }

  /** Run a text, and keep it if it does something new. @throws what the target does */
  offer(text: string): boolean {
    const outcome = this.#run(text)
    const fresh = this.#fresh()
    if (fresh.length === 0) return false
    this.#keep(text, outcome, fresh)
    return true
  }

  #keep(text: string, outcome: string, fresh: readonly string[]): void {
    for (const one of fresh) this.#seen.add(one)
    const document = documentOf(text)
    if (document !== undefined) this.kept.push({ document, good: !outcome.startsWith('ERR_') })
  }

  /** Inputs made of what is kept. @returns those that are kept too */
  step(from: Random): string[] {
    const texts = Array.from({ length: AT_ONCE }, () => this.#another(from))
    for (const text of texts) this.#run(text)
    if (this.#fresh().length === 0) return []
    return texts.flatMap((text) => {
      const outcome = this.#run(text)
      const fresh = this.#fresh()
      if (fresh.length === 0) return []
      const small = this.#shrink(text, outcome, fresh, from)
      this.#keep(small, outcome, fresh)
      return [small]
    })
  }

  /** What came last leads on, and what ended well leads further than an error. */
  #another(from: Random): string {
    const well = this.kept.filter(({ good }) => good)
    const all = well.length > 0 && from.below(4) > 0 ? well : this.kept
    const newest = from.below(2) === 0 ? Math.floor(all.length * 0.75) : 0
    const one = all[newest + from.below(all.length - newest)]!
    return textOf(this.#target, one.document, from.pick(this.kept).document, from)
  }

  /** Without what is not needed for the same end and FRESH. */
  #shrink(text: string, outcome: string, fresh: readonly string[], from: Random): string {
    let small = text
    for (let left = SHRINKS; left > 0; left--) {
      const document = parseJson(small)
      const all = places(document)
      if (all.length < 2) break
      remove(from.pick(all))
      const shorter = stringifyJson(document)
      const same = this.#run(shorter) === outcome
      const covered = new Set(this.#coverage.take())
      if (same && fresh.every((one) => covered.has(one))) small = shorter
    }
    return small
  }

  /** The fewest of TEXTS, shortest first, that do all that they do together. */
  smallest(texts: readonly string[]): string[] {
    const before = [...texts].sort((a, b) => a.length - b.length)
    return before.filter((text) => this.offer(text))
  }
}

function documentOf(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined // to be replayed, not to be changed
  }
}
