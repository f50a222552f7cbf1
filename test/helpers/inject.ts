/**
 * The command line with a fault in one of its system calls. strace(1) makes it: of all threads of the Node process, but
 * not of what they execute.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CliResult, program, runProgram } from './cli.ts'
import { bench } from './needs.ts'

export interface Injected extends CliResult {
  /** Whether the system call was made so often that the fault came. */
  readonly hit: boolean
  /** strace's own account of it, for the message of a test that fails. */
  readonly trace: string
}

/**
 * Run `nrunc WORDS` with FAULT (`signal=SIGKILL`, `error=ENOSPC`: strace(1), "Tampering") in the WHEN-th SYSCALL of each
 * thread.
 */
export async function inject(words: readonly string[], syscall: string, fault: string, when: number): Promise<Injected> {
  const file = join(bench().directory, `trace-${randomBytes(6).toString('hex')}`)
  const tracer = ['strace', '-f', '-qq', '-b', 'execve', '-o', file, '-e', `trace=${syscall}`, '-e', `inject=${syscall}:${fault}:when=${when}`]
  const result = await runProgram([...tracer, process.execPath, program, ...words])
  const trace = existsSync(file) ? readFileSync(file, 'latin1') : ''
  return { ...result, hit: result.code === 'SIGKILL' || trace.includes('INJECTED'), trace }
}
