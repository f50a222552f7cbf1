/**
 * A stream as lines of text.
 */
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** Characters; a program that never writes a line feed must not fill the memory of its reader. */
const LONGEST_LINE = 1 << 20

/** Without the carriage return that a terminal puts before each line feed. */
const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line)

/** Where a line that is too long is cut: not between the two halves of a character beyond U+FFFF. */
function cutOf(line: string): number {
  const last = line.charCodeAt(LONGEST_LINE - 1)
  return last >= 0xd800 && last < 0xdc00 ? LONGEST_LINE - 1 : LONGEST_LINE
}

/**
 * The lines of a stream, as UTF-8, without their ends (`\n` or `\r\n`); a last one without an end too. A line of more
 * than 1,048,576 characters comes in pieces. Whoever leaves the loop early destroys the stream.
 */
export async function* linesOf(stream: Readable | null): AsyncGenerator<string, void, undefined> {
  if (stream === null) return
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const piece of stream) {
    const text = typeof piece === 'string' ? piece : decoder.write(piece as Buffer)
    for (const [at, part] of text.split('\n').entries()) {
      if (at > 0) {
        yield withoutReturn(rest)
        rest = ''
      }
      rest += part
      while (rest.length > LONGEST_LINE) {
        const size = cutOf(rest)
        yield rest.slice(0, size)
        rest = rest.slice(size)
      }
    }
  }
  rest += decoder.end()
  if (rest !== '') yield rest
}
