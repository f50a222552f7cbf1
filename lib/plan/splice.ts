/**
 * Encoded operations in which one word is still open, wherever it stands in a text: the id of a container. Filling it in
 * is a copy of the bytes with the lengths around the word corrected, a fraction of compiling and encoding again.
 */
import { encode } from './encode.ts'
import { type Operation, operations } from './operations.ts'

/** A length field of the encoding: where it is, and how many holes are before it and within what it measures. */
interface Length {
  readonly at: number
  readonly before: number
  readonly within: number
}

const kinds = new Map<number, readonly string[]>(
  Object.values(operations).map(({ code, fields }) => [code, Object.values(fields)]),
)
const HEADER = 16
const TOTAL = 8

export class Spliced {
  readonly #base: Buffer
  readonly #word: Buffer
  readonly #holes: readonly number[]
  readonly #lengths: readonly Length[]

  /** Every WORD in the texts of LIST is a hole; it must be ASCII, and not occur by chance. */
  constructor(list: readonly Operation[], word: string) {
    this.#base = encode(list)
    this.#word = Buffer.from(word)
    this.#holes = occurrences(this.#base, this.#word)
    this.#lengths = this.#holes.length === 0 ? [] : this.#findLengths()
  }

  /** The bytes of the same list with WORD in the place of the open one. */
  with(word: string): Buffer {
    const [base, size] = [this.#base, Buffer.byteLength(word)]
    const growth = size - this.#word.length
    const result = Buffer.allocUnsafe(base.length + growth * this.#holes.length)
    let from = 0
    let to = 0
    for (const hole of this.#holes) {
      to += base.copy(result, to, from, hole)
      to += result.write(word, to)
      from = hole + this.#word.length
    }
    base.copy(result, to, from)
    for (const { at, before, within } of this.#lengths) {
      result.writeUInt32LE(base.readUInt32LE(at) + within * growth, at + before * growth)
    }
    return result
  }

  #length(at: number, start: number, end: number): Length[] {
    const within = this.#holes.filter((hole) => hole >= start && hole < end).length
    return within === 0 ? [] : [{ at, before: this.#holes.filter((hole) => hole < at).length, within }]
  }

  /** The lengths of all that a hole lies in: its text, its operation, the plan. */
  #findLengths(): Length[] {
    const base = this.#base
    const lengths = this.#length(TOTAL, 0, base.length)
    for (let at = HEADER; at < base.length;) {
      const end = at + 8 + base.readUInt32LE(at + 4)
      lengths.push(...this.#length(at + 4, at + 8, end))
      let next = at + 8
      const text = (): void => {
        const size = base.readUInt32LE(next)
        lengths.push(...this.#length(next, next + 4, next + 4 + size))
        next += size + 5
      }
      text() // the pointer
      for (const kind of kinds.get(base.readUInt32LE(at)) ?? []) {
        if (kind === 'text') text()
        else if (kind === 'list') for (let left = this.#count((next += 4) - 4); left > 0; left--) text()
        else if (kind === 'numbers') next += 4 + 4 * this.#count(next)
        else if (kind === 'bytes') next += 4 + this.#count(next)
        else next += kind === 'u64' ? 8 : 4
      }
      at = end
    }
    return lengths
  }

  #count(at: number): number { return this.#base.readUInt32LE(at) }
}

function occurrences(bytes: Buffer, word: Buffer): number[] {
  const found: number[] = []
  for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + word.length)) found.push(at)
  return found
}
