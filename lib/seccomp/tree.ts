/**
 * Ranges of numbers -> a balanced tree of comparisons: for the 350 names of Docker's profile 9 of them decide.
 */
import type { Architecture } from './architectures.ts'
import type { Assembler, Label } from './assembler.ts'
import type { Rule } from './rules.ts'

/** An action, or rules that look at the arguments. */
export type Leaf = number | { readonly rules: readonly Rule[]; readonly architecture: Architecture }

/** What holds from the number `first` up to the next range. */
export interface Range {
  readonly first: number
  readonly leaf: Leaf
}

/**
 * Emit the tree. Ranges are ascending and begin at 0; of two that begin at the same number the later one counts. EMIT
 * makes the instructions of a leaf.
 */
export function emitTree(program: Assembler, ranges: readonly Range[], emit: (leaf: Leaf) => Label): Label {
  const merged: Range[] = []
  for (const range of ranges) {
    if (merged.at(-1)?.first === range.first) merged.pop()
    if (merged.at(-1)?.leaf !== range.leaf) merged.push(range)
  }
  const node = (from: number, to: number): Label => {
    if (to - from === 1) return emit(merged[from]!.leaf)
    const middle = (from + to) >> 1
    const above = node(middle, to)
    const below = node(from, middle)
    return program.jump('greaterOrEqual', merged[middle]!.first, above, below)
  }
  return node(0, merged.length)
}
