/**
 * One side of a plan as bytes in which the id is open. Those parts of it that have looked at what a start changes are
 * made anew for it; the others are copied.
 */
import { concerns, type Facts, noting } from '../spec/looked.ts'
import type { Steps } from '../turns.ts'
import { assemble, encodeOperations } from './encode.ts'
import { type Operation, operationsOf, type Part } from './operations.ts'
import { Spliced } from './splice.ts'

/** An id that no container has: it stands for the one to be filled in. */
export const openId = `open.${'0123456789abcdef'.repeat(2)}`

/** One with every kind of character that an id can have, to try out whether filling in is all there is to it. */
export const probeId = 'Aa0_z+y-x.w'

/** Parts that stand beside each other and have looked at the same. */
interface Run {
  readonly from: number
  to: number
  readonly facts: Facts
  readonly operations: Operation[]
}

interface OpenRun extends Run {
  readonly bytes: Spliced
}

export class OpenParts {
  readonly #runs: readonly OpenRun[]

  private constructor(runs: readonly OpenRun[]) {
    this.#runs = runs
  }

  /**
   * Of the parts of a plan for {@link openId}, which have looked at FACTS besides, and those for {@link probeId}: undefined
   * where the id is more than a word in texts.
   */
  static* making(open: readonly Part[], probe: readonly Part[], facts: Facts): Steps<OpenParts | undefined> {
    const runs: OpenRun[] = []
    for (const run of yield* grouping(open, facts)) {
      yield
      const bytes = new Spliced(run.operations, openId)
      const wanted = encodeOperations(operationsOf(probe.slice(run.from, run.to)))
      if (!assemble([bytes.with(probeId)]).equals(assemble([wanted]))) return undefined
      runs.push({ ...run, bytes })
    }
    return new OpenParts(runs)
  }

  /** The side of the plan of ID; PARTS are those of the start, for what has looked at something that has CHANGED. */
  with(id: string, changed: Facts, parts: () => readonly Part[]): Buffer {
    return assemble(this.#runs.map(({ from, to, facts, bytes }) =>
      (concerns(facts, changed) ? encodeOperations(operationsOf(parts().slice(from, to))) : bytes.with(id))))
  }
}

function* grouping(parts: readonly Part[], common: Facts): Steps<Run[]> {
  const runs: Run[] = []
  for (const [at, part] of parts.entries()) {
    const { made, facts: own } = noting(part)
    const facts = new Set([...common, ...own])
    const last = runs.at(-1)
    if (last === undefined || !isSame(last.facts, facts)) {
      runs.push({ from: at, to: at + 1, facts, operations: [...made] })
    } else {
      last.operations.push(...made)
      last.to = at + 1
    }
    yield
  }
  return runs
}

const isSame = (one: Facts, other: Facts): boolean => one.size === other.size && [...one].every((fact) => other.has(fact))
