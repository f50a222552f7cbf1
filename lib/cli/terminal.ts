/**
 * This process's terminal, joined to a container's: bytes both ways, raw mode, and the size of the window.
 */
import type { Writable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import type { Terminal } from '../streams/terminal.ts'

/** How long, in milliseconds, a terminal that background processes still hold open must be silent to be done with. */
const silence = 100

/** A joined pair of terminals. */
export interface Screen {
  /** Resolves when everything that the container wrote has been printed. */
  drain(): Promise<void>
  /** Gives the terminal back in the mode in which it was. */
  restore(): void
}

const ownWindow = (): WriteStream | undefined =>
  [process.stdout, process.stderr].find(({ isTTY }) => isTTY) as WriteStream | undefined

/** The size of this process's terminal, where it has one that has a size. */
export const windowSize = (): { readonly rows: number; readonly columns: number } | undefined => {
  const [columns = 0, rows = 0] = ownWindow()?.getWindowSize() ?? []
  return columns > 0 && rows > 0 ? { rows, columns } : undefined
}

const followSize = (terminal: Terminal): void => {
  const resize = () => {
    const size = windowSize()
    if (size) terminal.resize(size)
  }
  resize() // it may have changed since the terminal was made
  ownWindow()?.on('resize', resize)
}

/** Until the end of the terminal; or until it is silent although the reader of our output keeps up. */
const readAll = (terminal: Terminal, output: Writable): Promise<void> =>
  new Promise((resolve) => {
    if (terminal.readableEnded || terminal.destroyed) return resolve()
    let quiet = false
    const timer = setInterval(() => {
      if (quiet && output.writableLength === 0) finish()
      quiet = true
    }, silence)
    const finish = () => {
      clearInterval(timer)
      resolve()
    }
    terminal.on('data', () => {
      quiet = false
    })
    for (const event of ['end', 'close', 'error']) terminal.once(event, finish)
  })

/**
 * Joins a container's terminal to this process's streams. Where the standard input is no terminal (a pipe,
 * a file), there is no raw mode, and its end sends nothing.
 */
export const attachTerminal = (terminal: Terminal): Screen => {
  const { stdin, stdout } = process
  // EIO is how a terminal says that nobody has its other end open any more.
  for (const stream of [terminal, stdin]) stream.on('error', () => {})
  // EPIPE: our reader has left. A terminal that nobody looks at is hung up.
  stdout.on('error', () => terminal.destroy())
  followSize(terminal)
  if (stdin.isTTY) stdin.setRawMode(true)
  stdin.pipe(terminal, { end: false })
  terminal.pipe(stdout, { end: false })
  return {
    drain: async () => {
      await readAll(terminal, stdout)
      // A pipe may take its time, and process.exit() would not wait for it.
      await new Promise((resolve) => stdout.write('', resolve))
    },
    restore: () => {
      if (stdin.isTTY) stdin.setRawMode(false)
      stdin.unpipe(terminal)
      stdin.pause()
    },
  }
}
