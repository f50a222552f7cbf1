import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { collect, type OutputOptions } from '../../../lib/streams/collect.ts'

const collected = async (pieces: readonly Buffer[], options: OutputOptions): Promise<unknown> =>
  collect(Readable.from(pieces, { objectMode: false }), options, () => {}).done

/** The same, once all of it is there. */
function expected(bytes: Buffer, { encoding, lines, stripFinalNewline = true }: OutputOptions): unknown {
  if (encoding === 'buffer') return bytes
  const text = bytes.toString()
  if (lines) return text === '' ? [] : text.replaceAll('\r\n', '\n').replace(/\n$/, '').split('\n')
  return stripFinalNewline ? text.replace(/\r?\n$/, '') : text
}

const outputs = ['', 'a', '\n', 'a\n', 'a\r\n', 'a\n\n', '\r\n\r\n', 'a\nb\r\nc\rd', 'a\r', 'grün\n😀\r\n', '\n\r']
const options: readonly OutputOptions[] = [{}, { stripFinalNewline: false }, { lines: true }, { encoding: 'buffer' }]

describe.each(options)('%j', (given) => {
  test.each(outputs)('%j, wherever it is cut', async (text) => {
    const bytes = Buffer.from(text)
    for (let one = 0; one <= bytes.length; one++) {
      for (let two = one; two <= bytes.length; two++) {
        const pieces = [bytes.subarray(0, one), bytes.subarray(one, two), bytes.subarray(two)].filter(({ length }) => length > 0)
        expect(await collected(pieces, given)).toEqual(expected(bytes, given))
      }
    }
  })

  test('bytes that are no text, and more than one turn of the event loop has time for', async () => {
    const bytes = Buffer.from(Array.from({ length: 50_000 }, (_, at) => (at * 7919) % 256))
    const pieces = Array.from({ length: 50 }, (_, at) => bytes.subarray(at * 1000, (at + 1) * 1000))
    expect(await collected(pieces, given)).toEqual(expected(bytes, given))
  })
})

test('of more than the limit its beginning', async () => {
  const pieces = [Buffer.from('ab\n'), Buffer.from('c\n'), Buffer.from('d')]
  let exceeded = 0
  const { done } = collect(Readable.from(pieces, { objectMode: false }), { maxBuffer: 4 }, () => { exceeded++ })
  expect([await done, exceeded]).toEqual(['ab\nc', 1])
})
