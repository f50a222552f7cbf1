/**
 * Our end of a pipe that a process writes to.
 */
import { readSync } from 'node:fs'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { addon } from '../native/addon.ts'

/**
 * A readable stream that ends with the process. What others keep the other end open, such as a grandchild that went to
 * the background, and write later on is not part of it. Its descriptor is closed then, whether it is read or not.
 */
export class OutputStream extends Readable {
  readonly #fd: number
  readonly #pipe: Socket
  #over = false

  /** @internal Takes over the descriptor. */
  constructor(fd: number) {
    super()
    this.#fd = fd
    this.#pipe = new Socket({ fd, readable: true, writable: false })
    this.#pipe.on('data', (piece) => { if (!this.push(piece)) this.#pipe.pause() })
    this.#pipe.on('end', () => this.#end())
    this.#pipe.on('error', (error) => this.destroy(error))
  }

  /** @internal The process has ended: what is in the pipe by now is the rest, and waits here for who reads it. */
  finish(): void {
    if (this.#over || this.#pipe.destroyed) return
    while (this.#pipe.read() !== null); // what it holds goes to the listener above
    const size = addon().pendingBytes(this.#fd)
    if (size > 0) {
      const rest = Buffer.allocUnsafe(size)
      this.push(rest.subarray(0, readSync(this.#fd, rest)))
    }
    this.#end()
    this.#pipe.destroy()
  }

  override _read(): void {
    this.#pipe.resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#over = true
    this.#pipe.destroy()
    done(error)
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.push(null)
    this.read(0) // tells the reader, as Node does after an end of file
  }
}
