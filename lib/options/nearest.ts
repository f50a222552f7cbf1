/**
 * The known name that a misspelled one was probably meant to be.
 */

/** Insertions, deletions, replacements and swaps of neighbours between two words; optimal string alignment. */
function distance(one: string, other: string): number {
  let [beforeLast, last] = [[] as number[], Array.from({ length: other.length + 1 }, (_, at) => at)]
  for (let row = 1; row <= one.length; row++) {
    const next = [row]
    for (let at = 1; at <= other.length; at++) {
      const same = one[row - 1] === other[at - 1]
      let cost = Math.min(last[at]! + 1, next[at - 1]! + 1, last[at - 1]! + (same ? 0 : 1))
      const swapped = row > 1 && at > 1 && one[row - 1] === other[at - 2] && one[row - 2] === other[at - 1]
      if (swapped) cost = Math.min(cost, beforeLast[at - 2]! + 1)
      next.push(cost)
    }
    [beforeLast, last] = [last, next]
  }
  return last[other.length]!
}

/** Undefined when nothing is near: more than one difference in three letters. Case does not count. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.floor(Math.max(name.length, 3) / 3) + 1
  for (const candidate of known) {
    const differences = distance(name.toLowerCase(), candidate.toLowerCase())
    if (differences < least) [best, least] = [candidate, differences]
  }
  return best
}
