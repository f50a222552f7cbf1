/**
 * A terminal of the mock: what is written is the program's input, what is read is what it says. Nothing is echoed, and no
 * line end is translated.
 */
import { Duplex, type Readable, type Writable } from 'node:stream'
import type { TerminalLike } from '../like.ts'
import { checkSize } from '../options/option-types.ts'
import type { StdioOptions } from '../options/options.ts'

type Size = NonNullable<StdioOptions['terminalSize']>

/** The user's end, as `Terminal` of the library. */
export class MockTerminal extends Duplex implements TerminalLike {
  readonly #input: Writable
  readonly #output: Readable
  readonly #resized: () => void
  #size: Size

  /** @internal INPUT and OUTPUT are the program's; RESIZED is told of each change. */
  constructor(input: Writable, output: Readable, size: Size, resized: () => void) {
    super({ allowHalfOpen: true })
    this.#input = input
    this.#output = output
    this.#size = size
    this.#resized = resized
    output.on('data', (piece) => { if (!this.push(piece)) output.pause() })
    output.on('end', () => this.push(null))
    output.pause()
  }

  /** What the program sees. */
  get size(): Size { return this.#size }

  /** @throws NruncError ERR_OPTION_INVALID for what are no integers from 0 to 65535 */
  resize(size: Size): void {
    checkSize(size)
    if (this.#output.readableEnded || this.destroyed) return
    this.#size = { rows: size.rows, columns: size.columns }
    this.#resized()
  }

  override _read(): void {
    this.#output.resume()
  }

  override _write(piece: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#input.write(piece, encoding, done)
  }

  /** A terminal has no half-close. */
  override _final(done: () => void): void {
    done()
  }
}
