import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { linesOf } from '../../../lib/streams/lines.ts'

async function all(pieces: readonly (string | Buffer)[]): Promise<string[]> {
  const lines = []
  for await (const line of linesOf(Readable.from(pieces, { objectMode: false }))) lines.push(line)
  return lines
}

describe('lines of a stream', () => {
  test.each([
    [[''], []], [['a'], ['a']], [['a\n'], ['a']], [['\n'], ['']], [['a\n\nb'], ['a', '', 'b']], [['a', 'b\nc', '\n'], ['ab', 'c']],
    [['a\r\nb'], ['a', 'b']], [['a\r', '\n\r', 'b\r\n\r\n'], ['a', '\rb', '']], [['a\r'], ['a\r']], [['a\n\r'], ['a', '\r']],
  ])('%j: %j', async (pieces, lines) => {
    expect(await all(pieces)).toEqual(lines)
  })

  test('a character that two pieces share', async () => {
    const bytes = Buffer.from('grün\nblau\n')
    for (let at = 0; at < bytes.length; at++) {
      expect(await all([bytes.subarray(0, at), bytes.subarray(at)].filter((piece) => piece.length > 0))).toEqual(['grün', 'blau'])
    }
  })

  test('a line without an end comes in pieces', async () => {
    const lines = await all(Array.from({ length: 40 }, () => 'x'.repeat(1 << 16)))
    expect(lines.map((line) => line.length)).toEqual([1 << 20, 1 << 20, 1 << 19])
  })

  test('a long line with an end comes in pieces too, and a character beyond U+FFFF stays whole', async () => {
    const longest = 1 << 20
    expect((await all([`${'x'.repeat(longest + 5)}\nrest`])).map((line) => line.length)).toEqual([longest, 5, 4])
    expect((await all([`${'x'.repeat(longest)}\n`])).map((line) => line.length)).toEqual([longest])
    const lines = await all([`${'x'.repeat(longest - 1)}😀 end\n`])
    expect(lines.map((line) => line.slice(-6))).toEqual(['xxxxxx', '😀 end'])
  })

  test('bytes that are no UTF-8 are replaced, also at the end', async () => {
    expect(await all([Buffer.from([0x61, 0xff, 0x0a, 0xc3])])).toEqual(['a\ufffd', '\ufffd'])
  })

  test('no stream has no lines', async () => {
    const lines = []
    for await (const line of linesOf(null)) lines.push(line)
    expect(lines).toEqual([])
  })

  test('leaving the loop destroys the stream', async () => {
    const stream = Readable.from(['a\nb\n'])
    for await (const line of linesOf(stream)) {
      expect(line).toBe('a')
      break
    }
    expect(stream.destroyed).toBe(true)
  })
})
