/**
 * A criu that only talks (criu.c): what it was asked, and what it answers.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CriuRequest, requestFields } from '../../lib/checkpoint/messages.ts'
import { decodeMessage } from '../../lib/checkpoint/protobuf.ts'
import { bench } from './needs.ts'

export class FakeCriu {
  readonly directory: string

  constructor() {
    this.directory = mkdtempSync(join(bench().directory, 'criu-'))
    mkdirSync(join(this.directory, 'bin'))
    symlinkSync(bench().criu, join(this.directory, 'bin/criu'))
  }

  /** For a command line that finds it first. */
  get env(): Record<string, string> {
    return { PATH: `${this.directory}/bin:${process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`, HOME: this.directory }
  }

  /**
   * From now on: `version N`; `featureless`; `fails ERRNO`; `dies` without an answer; restores `short` programs, with a
   * `terminal`, or fails `early` (before there is a process) or `late`.
   */
  does(behaviour: string): void {
    for (const name of ['requests', 'facts']) rmSync(join(this.directory, name), { force: true })
    writeFileSync(join(this.directory, 'behaviour'), behaviour)
  }

  /** What it was asked, the messages about notifications left out. */
  get requests(): CriuRequest[] {
    return this.#lines('requests').map((line) => decodeMessage(requestFields, Buffer.from(line, 'hex'))).filter(({ type }) => type !== 6)
  }

  /** The request that has options. */
  get options(): NonNullable<CriuRequest['options']> {
    return this.requests.find(({ options }) => options !== undefined)?.options ?? {}
  }

  /** What it was itself, as `KEY VALUE` lines. */
  get facts(): string[] { return this.#lines('facts') }

  #lines(name: string): string[] {
    const path = join(this.directory, name)
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
  }
}
