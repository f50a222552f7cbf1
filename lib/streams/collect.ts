/**
 * The output of a program, kept up to a limit.
 */
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { NruncError } from '../errors.ts'
import { joined } from './joined.ts'
import { LineDecoder } from './lines.ts'

/** What becomes of the output of a program that is run to its end. */
export interface OutputOptions {
  /** `'utf8'` for text, `'buffer'` for bytes. Default `'utf8'`. */
  readonly encoding?: 'utf8' | 'buffer' | undefined
  /** The text as its lines, without their ends (`\n` or `\r\n`). Default false. */
  readonly lines?: boolean | undefined
  /** Take one line end off the end of the text. Default true. */
  readonly stripFinalNewline?: boolean | undefined
  /** Bytes of each stream that are kept; a program that writes more is killed. Default 104857600. */
  readonly maxBuffer?: number | undefined
  /** Keep the output. Without it `stdout` and `stderr` must be read, and the result has none of it. Default true. */
  readonly buffer?: boolean | undefined
}

/** What these options make of a stream; undefined where it is not kept, or goes elsewhere. */
export type Output<O extends OutputOptions> = O extends { readonly buffer: false } ? undefined
  : O extends { readonly encoding: 'buffer' } ? Buffer
  : O extends { readonly lines: true } ? string[] : string

const LIMIT = 100 * 1024 * 1024

export interface Collected<O extends OutputOptions> {
  /** Settles at the end of the stream. */
  readonly done: Promise<Output<O>>
  /** There was more than the limit. */
  readonly overflown: boolean
}

/** @throws NruncError ERR_OPTION_INVALID */
function check({ encoding = 'utf8', maxBuffer = LIMIT, lines }: OutputOptions): number {
  const refuse = (operand: string, words: string): never => {
    throw new NruncError('ERR_OPTION_INVALID', `${operand} ${words}`, { operand })
  }
  if (encoding !== 'utf8' && encoding !== 'buffer') refuse('encoding', `must be "utf8" or "buffer", not ${JSON.stringify(encoding)}`)
  if (encoding === 'buffer' && lines) refuse('lines', 'cannot be used together with bytes')
  if (!Number.isSafeInteger(maxBuffer) || maxBuffer < 1) refuse('maxBuffer', `must be a number of bytes, not ${maxBuffer}`)
  return maxBuffer
}

/** Keep what STREAM gives; the first byte beyond the limit calls EXCEED, once, and nothing is kept from there on. */
export function collect<O extends OutputOptions>(stream: Readable | null, options: O, exceed: () => void): Collected<O> {
  const limit = check(options)
  if (stream === null || options.buffer === false) return { done: Promise.resolve(undefined as Output<O>), overflown: false }
  const output = sinkOf(options)
  let size = 0
  let overflown = false
  stream.on('data', (piece: Buffer) => {
    if (overflown) return
    output.add(piece.subarray(0, limit - size))
    size += piece.length
    if (size <= limit) return
    overflown = true
    exceed()
  })
  const done = new Promise<Output<O>>((resolve) => {
    // Also when the stream breaks off: what came is what there is.
    stream.once('close', () => resolve(output.end() as Promise<Output<O>>))
    stream.on('error', () => {})
  })
  return { done, get overflown() { return overflown } }
}

/** What is made of the output while it comes: at the end of a long one it would hold up the event loop. */
interface Sink {
  add(piece: Buffer): void
  end(): Promise<Buffer | string | string[]>
}

function sinkOf({ encoding, lines, stripFinalNewline = true }: OutputOptions): Sink {
  if (encoding === 'buffer') return bytes()
  return lines ? textLines() : text(stripFinalNewline)
}

function bytes(): Sink {
  const pieces: Buffer[] = []
  return {
    add(piece) { pieces.push(piece) },
    end: () => joined(pieces),
  }
}

function textLines(): Sink {
  const decoder = new LineDecoder()
  const found: string[] = []
  return {
    add(piece) { for (const line of decoder.add(piece)) found.push(line) },
    async end() { return [...found, ...decoder.end()] },
  }
}

/** What may be the final line end is kept apart: to look at the end of a text that was put together makes a copy of it. */
function text(stripFinalNewline: boolean): Sink {
  const decoder = new StringDecoder('utf8')
  let all = ''
  let last = ''
  const add = (more: string): void => {
    const rest = last + more
    all += rest.slice(0, -2)
    last = rest.slice(-2)
  }
  return {
    add(piece) { add(decoder.write(piece)) },
    async end() {
      add(decoder.end())
      return all + (stripFinalNewline ? last.replace(/\r?\n$/, '') : last)
    },
  }
}
