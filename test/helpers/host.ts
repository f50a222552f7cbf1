/**
 * The host as tests see it: programs, processes, and an ordinary user.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** No other test's: the kernel counts a user's processes on the whole machine (RLIMIT_NPROC). */
const id = 10_000_000 + process.pid

/** A user that no passwd file has to know. */
export const someone = {
  uid: id,
  gid: id,
  /** For setpriv(1). */
  words: [`--reuid=${id}`, `--regid=${id}`, '--clear-groups', '--inh-caps=-all'],
} as const

/** @throws Error when something is mounted below DIRECTORY: removing it would remove what is there */
export function refuseMounts(directory: string): void {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((line) => line.split(' ')[4] ?? '')
  const below = mounts.filter((path) => path === directory || path.startsWith(`${directory}/`))
  if (below.length > 0) throw new Error(`still mounted: ${below.join(' ')}`)
}

/** Fields of /proc/PID/stat by their numbers in proc_pid_stat(5); undefined for a process that is gone. */
export function statOf(pid: number): { readonly state: string, readonly parent: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state = '', parent = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}

/** Content of /proc/PID/cmdline; empty for a process that is gone. */
export function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

/** Whether a process is there and not a zombie. */
export const isRunning = (pid: number): boolean => {
  const stat = statOf(pid)
  return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X'
}

/** Children of this process, zombies too. */
export const childrenOf = (parent: number): number[] =>
  readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => statOf(pid)?.parent === parent)

/** What a link names, or undefined. */
export function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** Resolves when CONDITION holds; the time-out of the test is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}
