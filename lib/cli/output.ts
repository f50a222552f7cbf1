/**
 * Output without Node's streams: a command prints little and must be gone at once, and loading `process.stdout` alone
 * costs as much as the whole of `state`.
 */
import { writeSync } from 'node:fs'

/**
 * Writes all of TEXT to a descriptor before it returns, also to a pipe that is non-blocking and full.
 *
 * @throws The error of write(2), except EAGAIN.
 */
export const writeAll = (fd: number, text: string): void => {
  let rest: Uint8Array = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}

/** Prints to the standard output. A reader that went away (EPIPE) is no error, as `nrunc list | head -1` shows. */
export const print = (text: string): void => {
  try {
    writeAll(1, text)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}
