/**
 * The command line with a fault in one of its system calls. strace(1) makes it: of all threads of the Node process, but
 * not of what they execute. It is attached when the program is loaded: what Node itself needs before is not counted.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type CliResult, userEnvironment } from './cli.ts'
import { until } from './host.ts'
import { bench } from './needs.ts'

export interface Injected extends CliResult {
  /** strace's lines of the calls that were changed: none when the call was not made so often. */
  readonly hits: readonly string[]
}

const program = fileURLToPath(new URL('held-cli.cjs', import.meta.url))

/**
 * Run `nrunc WORDS` with FAULT (`signal=SIGKILL`, `error=ENOSPC`: strace(1), "Tampering") in the WHEN-th SYSCALL of each
 * thread; with INIT of the processes that it makes, too.
 */
export async function inject(
  words: readonly string[], syscall: string, fault: string, when: number, { init = false } = {},
): Promise<Injected> {
  const filters = ['-e', `trace=${syscall}`, '-e', `inject=${syscall}:${fault}:when=${when}`]
  const { trace, ...result } = await traced(words, init ? filters : [...hostOnly, ...filters])
  const hits = trace.split('\n').filter((line) => line.includes('(INJECTED)') || line.includes('killed by SIGKILL'))
  return { ...result, hits }
}

/**
 * Run `nrunc WORDS` with each SYSCALL of it and of the processes that it makes begun MILLISECONDS late.
 *
 * @returns how it ended, and strace's lines of it and of the ends of processes: the process and what it did
 */
export async function delayed(words: readonly string[], syscall: string, milliseconds: number): Promise<Pick<CliResult, 'code'> & { readonly pid: number, readonly lines: readonly (readonly [pid: number, what: string])[] }> {
  const { pid, code, trace } = await traced(words, ['-e', `trace=${syscall}`, '-e', `inject=${syscall}:delay_enter=${milliseconds * 1000}`], '-q')
  return { pid, code, lines: [...trace.matchAll(/^(\d+) +(.*)$/gm)].map(([, pid, what]) => [Number(pid), what!] as const) }
}

/** Of each process (and not thread) that `nrunc WORDS` makes: how. clone(2), "flags". */
export async function clones(words: readonly string[]): Promise<string[]> {
  const { trace } = await traced(words, [...hostOnly, '-e', 'trace=clone,clone3,fork,vfork'])
  return trace.split('\n').filter((line) => /(clone|fork)\w*\(/.test(line) && !line.includes('CLONE_THREAD'))
}

/** strace lets go of a process when it executes a program. */
const hostOnly = ['-b', 'execve']

/** What `nrunc WORDS` asks of the kernel: how often, at most, one of its threads makes each system call. */
export async function survey(words: readonly string[]): Promise<Map<string, number>> {
  const { trace } = await traced(words, hostOnly)
  return mostOf(callsOf(trace).map(({ thread, syscall }) => [`${thread} ${syscall}`, syscall]))
}

/** What init alone does, to its execve and in the order of the first time: how often it makes each system call that Node does not make. */
export async function initSurvey(words: readonly string[]): Promise<[syscall: string, count: number][]> {
  const { trace } = await traced(words, [])
  const calls = callsOf(trace)
  const init = calls.find(({ syscall }) => syscall === 'execveat')?.thread
  const begun = calls.findIndex(({ thread, syscall }) => thread === init && syscall === 'execveat')
  const own = calls.slice(begun + 1).filter(({ thread }) => thread === init)
  const last = own.findLastIndex(({ syscall }) => syscall === 'execve') // what follows is the program's; -1 where it waits
  const others = new Set(calls.filter(({ thread }) => thread !== init).map(({ syscall }) => syscall))
  return [...mostOf((last < 0 ? own : own.slice(0, last + 1)).map(({ syscall }) => [syscall, syscall]))].filter(([syscall]) => !others.has(syscall))
}

const callsOf = (trace: string) =>
  [...trace.matchAll(/^(\d+) +(\w+)\(/gm)].map(([, thread = '', syscall = '']) => ({ thread, syscall }))

/** The largest count of a key for each name. */
function mostOf(keys: readonly (readonly [key: string, name: string])[]): Map<string, number> {
  const counts = new Map<string, number>(), most = new Map<string, number>()
  for (const [key, name] of keys) {
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    most.set(name, Math.max(count, most.get(name) ?? 0))
  }
  return most
}

/** Milliseconds after which a command counts as one that waits for ever; its code is SIGKILL then. */
const hanging = 120_000

async function traced(words: readonly string[], filters: readonly string[], quiet = '-qq'): Promise<CliResult & { readonly pid: number, readonly trace: string }> {
  const scratch = mkdtempSync(join(bench().directory, 'inject-'))
  const [stdout, stderr, trace] = ['out', 'err', `trace-${randomBytes(4).toString('hex')}`].map((name) => join(scratch, name)) as [string, string, string]
  const files = [openSync('/dev/null', 'r'), openSync(stdout, 'a+'), openSync(stderr, 'a+')]
  const child = spawn(process.execPath, [program, ...words], { cwd: scratch, stdio: [...files, 'pipe'], env: userEnvironment() })
  files.forEach((file) => closeSync(file))
  const ended = once(child, 'exit')
  const held = child.stdio[3] as Duplex
  held.on('error', () => {})
  await once(held, 'data')
  const tracer = spawn('strace', ['-f', quiet, '-o', trace, ...filters, '-p', String(child.pid)], { stdio: 'ignore' })
  const gone = once(tracer, 'exit')
  await until(() => tracer.exitCode !== null || isTraced(child.pid!))
  held.end('g')
  const stuck = setTimeout(() => child.kill('SIGKILL'), hanging)
  const [code, signal] = await ended as [number | null, string | null]
  clearTimeout(stuck)
  tracer.kill() // it would follow the container for as long as that lives
  await gone
  return {
    pid: child.pid!, code: code ?? String(signal), stdout: readFileSync(stdout, 'utf8'), stderr: readFileSync(stderr, 'utf8'),
    trace: existsSync(trace) ? readFileSync(trace, 'latin1') : '',
  }
}

/** All of its threads; to be asked again when one ends meanwhile. */
function isTraced(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) =>
      !/^TracerPid:\t0$/m.test(readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1')))
  } catch {
    return false
  }
}
