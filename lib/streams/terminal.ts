/**
 * The host's end of a container's terminal.
 */
import { readSync } from 'node:fs'
import { Duplex } from 'node:stream'
import { ReadStream } from 'node:tty'
import { NruncError } from '../errors.ts'
import { addon } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import { checkSize } from '../options/option-types.ts'

/** Milliseconds. */
const QUEUE = 50

/**
 * The master of a pty as a stream: what is written is typed, what is read is shown. It ends when all processes that have
 * the terminal open have closed it, and shortly after the end of the process that it was made for in any case.
 *
 * @example
 * container.terminal.pipe(process.stdout)
 */
export class Terminal extends Duplex {
  readonly #fd: number
  readonly #tty: ReadStream
  /** The other end has hung up: the descriptor is closed, or about to be, and its number may be another's. */
  #over = false

  /** @internal Takes over the descriptor. */
  constructor(fd: number) {
    super({ allowHalfOpen: true })
    this.#fd = fd
    try {
      this.#tty = new ReadStream(fd)
      addon().handOver(fd)
    } catch (error) {
      addon().close(fd)
      throw error
    }
    this.#tty.on('data', (piece) => { if (!this.push(piece)) this.#tty.pause() })
    this.#tty.on('end', () => { if (!this.#over) this.#drain() })
    this.#tty.on('error', (error: NodeJS.ErrnoException) => {
      // EIO is the kernel's way to say that nobody holds the other side any more.
      if (error.code !== 'EIO') this.destroy(error)
      else if (!this.#over) this.push(null)
    })
    for (const event of ['end', 'error', 'close']) this.#tty.on(event, () => { this.#over = true })
    this.#tty.pause()
  }

  /** @internal The process has ended: nobody else can hold the stream open. */
  finish(): void {
    // What was written last reaches this end through a queue of the kernel's.
    setTimeout(() => {
      if (this.#over || this.destroyed) return
      this.#over = true
      while (this.#tty.read() !== null); // what it holds goes to the listener above
      // Never more than there is, because the descriptor blocks, and not for ever, because others may go on writing.
      for (let round = 0; round < 16; round++) {
        const size = addon().pendingBytes(this.#fd)
        if (size <= 0) break
        const piece = Buffer.allocUnsafe(size)
        this.push(piece.subarray(0, readSync(this.#fd, piece)))
      }
      this.push(null)
      this.#tty.destroy()
    }, QUEUE).unref()
  }

  /** libuv takes a hang-up for the end even where the kernel still holds output for a slow reader. */
  #drain(): void {
    const piece = Buffer.allocUnsafe(65536)
    try {
      for (let size = 1; size > 0;) {
        size = readSync(this.#fd, piece)
        this.push(Buffer.from(piece.subarray(0, size)))
      }
    } catch {
      // EIO: now it is empty.
    }
    this.push(null)
  }

  /**
   * Tell the container the size of the window; ioctl_tty(2), TIOCSWINSZ.
   *
   * @throws NruncError ERR_NATIVE; ERR_OPTION_INVALID for what are no integers from 0 to 65535
   */
  resize(size: { readonly rows: number; readonly columns: number }): void {
    checkSize(size)
    if (this.#over || this.destroyed) return
    this.#check(addon().setWindowSize(this.#fd, size.rows, size.columns), 'set the window size')
  }

  #check(result: number, what: string): void {
    if (result < 0) {
      throw new NruncError('ERR_NATIVE', `cannot ${what}: ${errnoName(-result)}`, { syscall: 'ioctl', errno: errnoName(-result) })
    }
  }

  override _read(): void {
    this.#tty.resume()
  }

  override _write(piece: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#tty.write(piece, encoding, done)
  }

  /** A terminal has no half-close: the end of what is typed is said with a key, not with an end of file. */
  override _final(done: () => void): void {
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#tty.destroy()
    done(error)
  }
}
