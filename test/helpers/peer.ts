/**
 * The other end of a socket that a runtime is given (sockets.c).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { bench } from './needs.ts'

/** How long, in milliseconds, it may say nothing of what is expected. */
const patience = 60_000

export class Peer {
  /** Everything that it said so far. */
  said = ''
  readonly #child: ChildProcess
  #changed = (): void => {}

  /** @param words `receive SOCKET` and so on */
  constructor(...words: readonly string[]) {
    this.#child = spawn(bench().sockets, words, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdin!.on('error', () => {})
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.said += text
      this.#changed()
    })
    this.#child.on('close', () => this.#changed())
  }

  /** The first match in what it says. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const start = Date.now()
    for (;;) {
      const match = pattern.exec(this.said)
      if (match !== null) return match
      if (this.#child.exitCode !== null || Date.now() - start > patience) {
        throw new Error(`${pattern} is not in ${JSON.stringify(this.said)}`)
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000)
        this.#changed = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  write(text: string): void {
    this.#child.stdin!.write(text)
  }

  /** End it, whatever it waits for. */
  close(): void {
    this.#child.kill('SIGKILL')
  }
}
