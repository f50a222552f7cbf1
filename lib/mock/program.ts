/**
 * A program of the mock: a function with streams, that can be sent signals.
 */
import { createWriteStream } from 'node:fs'
import { constants } from 'node:os'
import { PassThrough, type Readable, Writable } from 'node:stream'
import { NruncError } from '../errors.ts'
import { checkStreams, type ExitResult, type Stdio, type StdioOptions } from '../options/options.ts'
import { signalName, signalNumber } from '../container/signals.ts'
import type { ProcessSpec } from '../spec/schema.ts'
import type { MockFiles } from './files.ts'
import { MockTerminal } from './terminal.ts'

/** What a program of the mock gets. */
export interface MockCall {
  readonly id: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly uid: number
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** The size of its terminal, as it is now; a change is a SIGWINCH. Null without a terminal; with one all streams are its. */
  readonly terminal: { readonly rows: number; readonly columns: number } | null
  /** The container's files by path. */
  readonly files: MockFiles
  /** Aborted when a signal has ended the program, with its name as the reason. */
  readonly ended: AbortSignal
  /** HEED says whether the program takes a signal; those that it does not, and SIGKILL, end it. */
  onSignal(heed: (signal: NodeJS.Signals) => boolean): void
}

/** Gives the exit code; nothing is 0. What it throws goes to `stderr`, and is 1. */
export type MockProgram = (call: MockCall) => number | void | Promise<number | void>

interface Around {
  readonly id: string
  readonly process: ProcessSpec
  readonly files: MockFiles
  readonly options: StdioOptions
}

/** One that is running or has run. */
export class Program {
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  readonly terminal: MockTerminal | null
  readonly exit: Promise<ExitResult & { readonly finishedAt: Date }>
  readonly #call: MockCall
  readonly #ended = new AbortController()
  #settle!: (result: ExitResult) => void
  #heed: (signal: NodeJS.Signals) => boolean = () => false
  #over = false

  constructor({ id, process, files, options }: Around) {
    const wanted = process.terminal ?? false
    checkStreams(options, wanted)
    if (options.consoleSocket !== undefined) throw new NruncError('ERR_CONFIG_UNSUPPORTED', 'the mock has no console sockets', { operand: 'consoleSocket' })
    const [stdin, stdout] = [new PassThrough(), new PassThrough()]
    const stderr = wanted ? stdout : new PassThrough()
    const { height: rows = 0, width: columns = 0 } = process.consoleSize ?? {}
    const terminal = this.terminal = wanted
      ? new MockTerminal(stdin, stdout, options.terminalSize ?? { rows, columns }, () => { this.#heed('SIGWINCH') }) : null
    this.stdin = !wanted && (options.stdin ?? 'pipe') === 'pipe' ? stdin : null
    if (this.stdin === null && !wanted) stdin.end()
    this.stdout = wanted ? null : direct(stdout, options.stdout, 1)
    this.stderr = wanted ? null : direct(stderr, options.stderr, 2)
    this.exit = new Promise((resolve) => {
      this.#settle = (result) => {
        if (this.#over) return
        this.#over = true
        for (const stream of [stdout, stderr]) stream.end()
        resolve({ ...result, finishedAt: new Date() })
      }
    })
    const env = Object.fromEntries((process.env ?? []).map((one) => {
      const at = one.indexOf('=')
      return [one.slice(0, at), one.slice(at + 1)]
    }))
    this.#call = {
      id, args: process.args ?? [], env, cwd: process.cwd, uid: process.user.uid, stdin, stdout, stderr, files,
      get terminal() { return terminal?.size ?? null },
      ended: this.#ended.signal, onSignal: (heed) => { this.#heed = heed },
    }
  }

  get over(): boolean { return this.#over }

  start(program: MockProgram): void {
    void (async () => program(this.#call))().then(
      (code) => this.#settle({ code: code ?? 0, signal: null }),
      (error: unknown) => {
        if (!this.#over) this.#call.stderr.write(`${String(error)}\n`)
        this.#settle({ code: 1, signal: null })
      },
    )
  }

  /** @throws NruncError ERR_SIGNAL when it is over; ERR_OPTION_INVALID */
  kill(signal: string | number): void {
    const number = signalNumber(signal)
    if (this.#over) throw new NruncError('ERR_SIGNAL', 'process already finished', { errno: 'ESRCH' })
    if (number === 0) return
    const name = signalName(number)
    if (number !== constants.signals.SIGKILL && this.#heed(name)) return
    this.#settle({ code: null, signal: name })
    this.#ended.abort(name)
  }
}

/** Undefined is `'pipe'`. What goes elsewhere gives null. */
function direct(from: PassThrough, how: Stdio = 'pipe', own: 1 | 2): Readable | null {
  if (how === 'pipe') return from
  if (how === 'ignore') from.resume()
  else from.pipe(how === 'inherit' ? [process.stdout, process.stderr][own - 1]! : createWriteStream('', { fd: how, autoClose: false }), { end: false })
  return null
}
