/**
 * A stream as lines of text.
 */
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** Characters; a program that never writes a line feed must not fill the memory of its reader. */
const LONGEST_LINE = 1 << 20

/** Without the carriage return that a terminal puts before each line feed. */
const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line)

/** Where a text is cut after LENGTH characters at most: not between the two halves of one beyond U+FFFF. */
export function cutOf(text: string, length: number): number {
  const last = text.charCodeAt(length - 1)
  return text.length > length && last >= 0xd800 && last < 0xdc00 ? length - 1 : length
}

/** Bytes to lines of UTF-8, without their ends (`\n` or `\r\n`). A line of more than LONGEST characters comes in pieces. */
export class LineDecoder {
  readonly #longest: number
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''

  constructor(longest = Infinity) {
    this.#longest = longest
  }

  /** The lines that end in PIECE. */
  add(piece: Buffer | string): string[] {
    const found: string[] = []
    const text = typeof piece === 'string' ? piece : this.#decoder.write(piece)
    for (const [at, part] of text.split('\n').entries()) {
      if (at > 0) {
        found.push(withoutReturn(this.#rest))
        this.#rest = ''
      }
      this.#rest += part
      while (this.#rest.length > this.#longest) {
        const size = cutOf(this.#rest, this.#longest)
        found.push(this.#rest.slice(0, size))
        this.#rest = this.#rest.slice(size)
      }
    }
    return found
  }

  /** A last line without an end. */
  end(): string[] {
    const rest = this.#rest + this.#decoder.end()
    return rest === '' ? [] : [rest]
  }
}

/** The lines of a stream; a last one without an end too. Whoever leaves the loop early destroys the stream. */
export async function* linesOf(stream: Readable | null): AsyncGenerator<string, void, undefined> {
  if (stream === null) return
  const decoder = new LineDecoder(LONGEST_LINE)
  for await (const piece of stream) yield* decoder.add(piece as Buffer | string)
  yield* decoder.end()
}
