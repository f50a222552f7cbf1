/** What is fuzzed: a kind of document, how one is made of others, and what is done with it. */
import { NruncError } from '../lib/errors.ts'
import type { Random } from '../test/unit/plan/random.ts'
import type { Json } from './mutate.ts'

export interface Target {
  /** Documents to begin with. */
  readonly seeds: readonly Json[]
  /** A document like DOCUMENT, which stays as it is; parts of OTHER may come in. */
  change(document: Json, other: Json, from: Random): Json
  /**
   * One run, always the same for the same text.
   *
   * @returns how it ended: well, or the code of the error that the interface promises
   * @throws what should not be
   */
  run(text: string): string
  /** Part of the paths of the sources whose coverage counts. */
  readonly sources: string
}

/** GOOD, or the code of an error of ours. */
export function ends(run: () => unknown, good: string): string {
  try {
    run()
    return good
  } catch (error) {
    if (error instanceof NruncError && error.message !== '') return error.code
    throw error
  }
}

/** Milliseconds of the processor that this process has had: a busy machine makes no hang. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** A number out of a text, to choose by. FNV-1a. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
