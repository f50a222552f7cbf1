/**
 * Encoded operations in which one word is still open, wherever it stands in a text: the id of a container. Filling it in
 * is a copy of the bytes with the lengths around the word corrected, a fraction of compiling and encoding again.
 */
import { type Encoded, encodeOperations } from './encode.ts'
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

export class Spliced {
  readonly #base: Buffer
  readonly #count: number
  readonly #word: Buffer
  readonly #holes: readonly number[]
  readonly #lengths: readonly Length[]

  /** Every WORD in the texts of LIST is a hole; it must be ASCII, and not occur by chance. */
  constructor(list: readonly Operation[], word: string) {
    const { size, count, write } = encodeOperations(list)
    this.#base = Buffer.allocUnsafe(size)
    write(this.#base, 0)
    this.#count = count
    this.#word = Buffer.from(word)
    this.#holes = occurrences(this.#base, this.#word)
    this.#lengths = this.#holes.length === 0 ? [] : this.#findLengths()
  }

  /** The same list with WORD in the place of the open one. */
  with(word: string): Encoded {
    const growth = Buffer.byteLength(word) - this.#word.length
    return {
      size: this.#base.length + growth * this.#holes.length, count: this.#count,
      write: (target, at) => this.#write(target, at, word, growth),
    }
  }

  #write(target: Buffer, start: number, word: string, growth: number): void {
    const base = this.#base
    let from = 0
    let to = start
    for (const hole of this.#holes) {
      to += base.copy(target, to, from, hole)
      to += target.write(word, to)
      from = hole + this.#word.length
    }
    base.copy(target, to, from)
    for (const { at, before, within } of this.#lengths) {
      target.writeUInt32LE(base.readUInt32LE(at) + within * growth, start + at + before * growth)
    }
  }

  #length(at: number, start: number, end: number): Length[] {
    const within = this.#holes.filter((hole) => hole >= start && hole < end).length
    return within === 0 ? [] : [{ at, before: this.#holes.filter((hole) => hole < at).length, within }]
  }

  /** The lengths of all that a hole lies in: its text, its operation. */
  #findLengths(): Length[] {
    const base = this.#base
    const lengths: Length[] = []
    for (let at = 0; at < base.length;) {
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
        else if (kind === 'list') for (let left = this.#number((next += 4) - 4); left > 0; left--) text()
        else if (kind === 'numbers') next += 4 + 4 * this.#number(next)
        else if (kind === 'bytes') next += 4 + this.#number(next)
        else next += kind === 'u64' ? 8 : 4
      }
      at = end
    }
    return lengths
  }

  #number(at: number): number { return this.#base.readUInt32LE(at) }
}

function occurrences(bytes: Buffer, word: Buffer): number[] {
  const found: number[] = []
  for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + word.length)) found.push(at)
  return found
}
