/**
 * The three standard streams of a process: descriptors for its side, Node streams for ours.
 */
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { NruncError } from '../errors.ts'
import { addon } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import { checkStreams, type Stdio, type StdioOptions } from '../options/options.ts'
import { OutputStream } from './output-stream.ts'
import type { GivenDescriptors } from '../plan/context.ts'
import type { Sockets } from './socket.ts'

export interface Streams {
  stdin: Writable | null
  stdout: OutputStream | null
  stderr: OutputStream | null
}

/** Descriptors for the slots of a plan, what they are for, and what has to be closed once init has them. */
export class Descriptors {
  readonly list: number[] = []
  readonly streams: Streams = { stdin: null, stdout: null, stderr: null }
  #stdio: [number, number, number] = [0, 0, 0]
  readonly #terminal: GivenDescriptors['terminal']
  #consoleSocket: number | undefined
  #pidfdSocket: number | undefined
  #fifo: number | undefined
  #fifoOpen: number | undefined
  #network: number | undefined
  #links: string[] | undefined
  readonly #preserved: { slot: number; number: number }[] = []
  readonly #ours: number[] = []
  readonly #theirs: number[] = []

  /** Takes over SOCKETS. @throws NruncError ERR_OPTION_INVALID, ERR_NATIVE; nothing stays open then */
  constructor(options: StdioOptions & { readonly listenFds?: number | undefined }, terminal: boolean, sockets: Sockets = {}) {
    this.#terminal = { ...options.terminalSize, keepLineFeeds: options.keepLineFeeds }
    try {
      if (sockets.console !== undefined) this.#consoleSocket = this.#add(sockets.console, true)
      if (sockets.pidfd !== undefined) this.#pidfdSocket = this.#add(sockets.pidfd, true)
      this.#preserve(options.listenFds ?? 0, options.preserveFds ?? 0)
      checkStreams(options, terminal)
      if (!terminal) {
        this.#stdio = [this.#stream('stdin', options.stdin), this.#stream('stdout', options.stdout), this.#stream('stderr', options.stderr)]
      }
    } catch (error) {
      this.abandon()
      throw error
    }
  }

  /** exec.fifo by an O_PATH descriptor, which outlives the change of root. */
  addFifo(path: string): void {
    this.#fifoOpen = openSync(path, O_PATH)
    this.#fifo = this.#add(this.#fifoOpen, false)
  }

  /** A network namespace made ahead. Takes over FD. */
  addNetwork(fd: number): void {
    this.#network = this.#add(fd, true)
  }

  get given(): GivenDescriptors {
    return { count: this.list.length, stdio: this.#stdio, terminal: this.#terminal, consoleSocket: this.#consoleSocket, pidfdSocket: this.#pidfdSocket, fifo: this.#fifo, network: this.#network, preserved: this.#preserved }
  }

  /** What the standard streams are connected to, as /proc/PID/fd shows it: `pipe:[42]`, a path. */
  get links(): string[] {
    return this.#links ??= this.#stdio.map((slot) => linkOf(this.list[slot]))
  }

  /** Init has its copies: close the process's side, and make streams of ours. */
  handOver(): void {
    this.#closeTheirs()
    const [stdin, stdout, stderr] = this.#pipes
    if (stdin !== undefined) this.streams.stdin = new Socket({ fd: stdin, readable: false, writable: true })
    if (stdout !== undefined) this.streams.stdout = new OutputStream(stdout)
    if (stderr !== undefined) this.streams.stderr = new OutputStream(stderr)
    this.#ours.length = 0
  }

  /** The process has ended: nobody else gets what is still written to it, and nothing of ours stays open. */
  finish(): void {
    this.streams.stdin?.destroy()
    this.streams.stdout?.finish()
    this.streams.stderr?.finish()
  }

  /** There will be no process: close everything that was opened here, the streams too. */
  abandon(): void {
    this.#closeTheirs()
    closeAll(this.#ours)
    for (const stream of Object.values(this.streams)) stream?.destroy()
  }

  /** What came from the addon is closed by it, and what came from node:fs there: workers keep account of the latter. */
  #closeTheirs(): void {
    closeAll(this.#theirs)
    if (this.#fifoOpen !== undefined) closeSync(this.#fifoOpen)
    this.#fifoOpen = undefined
  }

  readonly #pipes: [number?, number?, number?] = []

  #add(fd: number, close: boolean): number {
    if (close) this.#theirs.push(fd)
    return this.list.push(fd) - 1
  }

  #stream(name: keyof Streams, how: Stdio = 'pipe'): number {
    const index = ['stdin', 'stdout', 'stderr'].indexOf(name)
    if (how === 'inherit') return this.#add(index, false)
    if (how === 'ignore') return this.#add(nullDevice ??= openSync('/dev/null', 'r+'), false)
    if (how === 'pipe') {
      const [read, write] = addon().pipe()
      check(read, 'pipe2', name)
      const [ours, theirs] = name === 'stdin' ? [write, read] : [read, write]
      this.#ours.push(ours)
      this.#pipes[index] = ours
      return this.#add(theirs, true)
    }
    if (!Number.isInteger(how) || addon().descriptorFlags(how) < 0) {
      throw invalid(`${name} must be "pipe", "inherit", "ignore" or an open descriptor, not ${JSON.stringify(how)}`)
    }
    return this.#add(how, false)
  }

  #preserve(listenFds: number, preserveFds: number): void {
    for (const [name, count] of Object.entries({ listenFds, preserveFds })) {
      if (!Number.isInteger(count) || count < 0 || count > 900) throw invalid(`${name} must be an integer from 0 to 900, not ${count}`)
    }
    for (let number = 3; number < 3 + listenFds + preserveFds; number++) {
      if (addon().descriptorFlags(number) < 0 || isOfNode(number)) throw invalid(`unable to preserve fd ${number}: bad file descriptor`)
      this.#preserved.push({ slot: this.#add(number, false), number })
    }
  }
}

function linkOf(fd: number | undefined): string {
  if (fd === undefined) return ''
  return fd === nullDevice ? nullLink ??= readlinkSync(`/proc/self/fd/${fd}`) : readlinkSync(`/proc/self/fd/${fd}`)
}

const O_PATH = 0o10000000

/** One for the process: what init gets are copies. */
let nullDevice: number | undefined
let nullLink: string | undefined

const invalid = (message: string): NruncError => new NruncError('ERR_OPTION_INVALID', message)

/** Node opens descriptors of its own under numbers that the caller left free: they were not inherited. */
function isOfNode(fd: number): boolean {
  const target = readlinkSync(`/proc/self/fd/${fd}`)
  if (target.startsWith('anon_inode:[event') || target.startsWith('anon_inode:[io_uring')) return true
  if (!target.startsWith('pipe:')) return false
  // Its pipes have both ends in this process.
  const ends = readdirSync('/proc/self/fd').filter((other) => {
    try {
      return readlinkSync(`/proc/self/fd/${other}`) === target
    } catch {
      return false
    }
  })
  return ends.length > 1
}

function check(result: number, syscall: string, operand: string): number {
  if (result >= 0) return result
  const errno = errnoName(-result)
  throw new NruncError('ERR_NATIVE', `cannot ${syscall} ${JSON.stringify(operand)}: ${errno}`, { syscall, errno, operand })
}

function closeAll(list: number[]): void {
  for (const fd of list.splice(0)) addon().close(fd)
}
