/**
 * A user at a terminal (terminal.c): types, reads the screen, changes the size of the window.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { type CliOptions, userEnvironment } from './cli.ts'
import { bench } from './needs.ts'

/** How long, in milliseconds, the screen may stay without what is expected. */
const patience = 60_000

export class Pty {
  /** Everything that was shown so far. */
  screen = ''
  /** Exit code of the program, or of the helper. */
  readonly ended: Promise<number>
  readonly #child: ChildProcess
  #read = 0
  #said = ''
  #changed = (): void => {}

  private constructor(words: readonly string[], { cwd = bench().directory, env = {} }: CliOptions) {
    this.#child = spawn(bench().terminal, words, {
      cwd,
      env: { ...userEnvironment(), ...env },
      stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
    })
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.screen += text
      this.#changed()
    })
    this.#control
      .setEncoding('utf8')
      .on('data', (text: string) => {
        this.#said += text
        this.#changed()
      })
      .on('error', () => {})
    this.#child.stdin!.on('error', () => {})
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        this.#changed()
        resolve(code ?? -1)
      })
    })
  }

  /** Run a program on a new terminal. */
  static open(
    words: readonly string[],
    options: CliOptions & { readonly rows?: number; readonly columns?: number } = {},
  ): Pty {
    return new Pty(['pty', String(options.rows ?? 30), String(options.columns ?? 90), ...words], options)
  }

  /** Take a terminal from whoever connects to a console socket. Resolves when it listens. */
  static async listen(path: string): Promise<Pty> {
    const pty = new Pty(['console', path], {})
    await pty.#wait(() => pty.#said.includes('listening\n'), 'listening')
    return pty
  }

  /** Name, number of bytes and number of descriptors of the message that came through the console socket. */
  async received(): Promise<{ readonly name: string; readonly bytes: number; readonly descriptors: number }> {
    const expression = /received (.*) (\d+) (\d+)\n/
    await this.#wait(() => expression.test(this.#said), 'received')
    const [, name = '', bytes, descriptors] = expression.exec(this.#said) ?? []
    return { name, bytes: Number(bytes), descriptors: Number(descriptors) }
  }

  type(text: string): void {
    this.#child.stdin!.write(text)
  }

  /** Wait until the screen shows it, after what was waited for last. */
  async shows(expression: RegExp): Promise<RegExpExecArray> {
    let found: RegExpExecArray | null = null
    await this.#wait(() => (found = expression.exec(this.screen.slice(this.#read))) !== null, String(expression))
    const match = found as unknown as RegExpExecArray
    this.#read += match.index + match[0].length
    return match
  }

  resize(rows: number, columns: number): void {
    this.#control.write(`size ${rows} ${columns}\n`)
  }

  /** The modes of the terminal as `iflag oflag cflag lflag`, hexadecimal; termios(3). */
  async modes(): Promise<string> {
    this.#said = ''
    this.#control.write('modes\n')
    await this.#wait(() => /^modes .*\n/m.test(this.#said), 'modes')
    return /^modes (.*)$/m.exec(this.#said)?.[1] ?? ''
  }

  /** End the helper; who is on the terminal gets SIGHUP. */
  close(): void {
    this.#child.kill('SIGKILL')
  }

  get #control(): Duplex {
    return this.#child.stdio[3] as Duplex
  }

  async #wait(condition: () => boolean, what: string): Promise<void> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#changed()
    }, patience)
    try {
      while (!condition()) {
        if (late || this.#child.exitCode !== null)
          throw new Error(`no ${what} on the screen: ${JSON.stringify(this.screen)}`)
        await new Promise<void>((resolve) => {
          this.#changed = resolve
        })
      }
    } finally {
      clearTimeout(timer)
    }
  }
}

/** ECHO, ICANON and ISIG of `modes()`: none of them in raw mode. */
export const lineDiscipline = (modes: string): number =>
  Number.parseInt(modes.split(' ')[3] ?? '', 16) & (0o10 | 0o2 | 0o1)
