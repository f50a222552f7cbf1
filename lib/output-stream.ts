/**
 * Our end of a pipe that a process writes to.
 */
import { Socket } from 'node:net'
import { addon } from './native/addon.ts'

/**
 * A readable stream that ends with the process. What others keep the other end open, such as a grandchild that went to
 * the background, and write later on is not part of it.
 */
export class OutputStream extends Socket {
  readonly #fd: number
  /** Bytes that still belong to it. */
  #left = Infinity
  #over = false

  /** @internal Takes over the descriptor. */
  constructor(fd: number) {
    super({ fd, readable: true, writable: false })
    this.#fd = fd
  }

  /** The process has ended: what is in the pipe by now is the rest, however slowly it is read. */
  finish(): void {
    if (this.#over || this.destroyed) return
    this.#left = addon().pendingBytes(this.#fd)
    if (this.#left <= 0) this.#end()
  }

  override push(piece: Buffer | null): boolean {
    if (this.#over) return false
    if (piece === null) this.#over = true
    else if (piece.length >= this.#left) {
      super.push(piece.subarray(0, this.#left))
      this.#end()
      return false
    } else this.#left -= piece.length
    return super.push(piece)
  }

  #end(): void {
    this.#over = true
    super.push(null)
    this.read(0) // tells the reader, as Node does after an end of file
  }
}
