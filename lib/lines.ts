/**
 * A stream as lines of text.
 */
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** Characters; a program that never writes a line feed must not fill the memory of its reader. */
const LONGEST_LINE = 1 << 20

/**
 * The lines of a stream, as UTF-8, without their line feeds; a last one without a line feed too. A line of more than
 * 1,048,576 characters comes in pieces. Whoever leaves the loop early destroys the stream.
 */
export async function* linesOf(stream: Readable | null): AsyncGenerator<string, void, undefined> {
  if (stream === null) return
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const piece of stream) {
    const text = typeof piece === 'string' ? piece : decoder.write(piece as Buffer)
    const [first, ...others] = text.split('\n')
    rest += first
    for (const next of others) {
      yield rest
      rest = next
    }
    while (rest.length > LONGEST_LINE) {
      yield rest.slice(0, LONGEST_LINE)
      rest = rest.slice(LONGEST_LINE)
    }
  }
  rest += decoder.end()
  if (rest !== '') yield rest
}
