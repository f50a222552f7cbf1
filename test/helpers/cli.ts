/**
 * The command line as a user runs it, in a process of its own.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bench } from './needs.ts'

/** The command of this checkout: the launcher. */
export const launcher = fileURLToPath(new URL('../../dist/nrunc', import.meta.url))

/** `bin/nrunc.cjs` of this checkout, for Node. */
export const program = fileURLToPath(new URL('../../bin/nrunc.cjs', import.meta.url))

export interface CliOptions {
  readonly cwd?: string
  /** Standard input; none by default. */
  readonly input?: string
  /** Added to PATH, HOME and LANG. */
  readonly env?: Readonly<Record<string, string>>
  /** Words before `node`, e.g. `['unshare', '-m']`. */
  readonly through?: readonly string[]
  /** Descriptors that the process gets as 3, 4 and so on; none for `'ignore'`. */
  readonly descriptors?: readonly (number | 'ignore')[]
}

export interface CliResult {
  /** Exit code, or the name of the signal that ended it. */
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

/** Set where the addon was built with sanitizers: scripts/sanitize.mjs. */
const ofSanitizers = ['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS']

/** The environment of a user, without what the test runner has set. */
export const userEnvironment = (): Record<string, string> => ({
  ...Object.fromEntries(ofSanitizers.flatMap((name) => process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8', TERM: 'xterm',
})

/**
 * Run one command line to its end. The output goes through files, not pipes: a container that goes on running holds
 * them open.
 */
export function runProgram(words: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const scratch = mkdtempSync(join(bench().directory, 'cli-'))
  const [stdin, stdout, stderr] = [join(scratch, 'in'), join(scratch, 'out'), join(scratch, 'err')]
  writeFileSync(stdin, options.input ?? '')
  const files = [openSync(stdin, 'r'), openSync(stdout, 'a+'), openSync(stderr, 'a+')]
  const [command = '', ...rest] = [...options.through ?? [], ...words]
  const child = spawn(command, rest, {
    cwd: options.cwd ?? scratch,
    stdio: [...files, ...(options.descriptors ?? [])],
    env: { ...userEnvironment(), ...options.env },
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      files.forEach((file) => closeSync(file))
      resolve({
        code: code ?? String(signal),
        stdout: readFileSync(stdout, 'utf8'),
        stderr: readFileSync(stderr, 'utf8'),
      })
    })
  })
}

/** `nrunc WORDS`. */
export const nrunc = (words: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  runProgram([launcher, ...words], options)

