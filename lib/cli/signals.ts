/**
 * Signals as a shell sees them.
 */
import { constants } from 'node:os'
import type { ExitResult } from '../options/options.ts'
import { signalNumber } from '../container/signals.ts'

/** The exit code by which a shell knows the end of a process: its own code, or 128 + the signal's number. */
export const exitCode = ({ code, signal }: ExitResult): number =>
  code ?? (signal === null ? 255 : 128 + signalNumber(signal))

const kept = new Set([
  'SIGKILL', 'SIGSTOP', 'SIGCHLD', 'SIGURG', 'SIGPIPE', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL',
  'SIGTTIN', 'SIGTTOU', 'SIGWINCH', 'SIGPROF',
])

const usual = new Set<string>(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'])

/**
 * The signals that a command in the foreground passes on to its process. Left out: those that cannot be caught;
 * SIGCHLD, SIGURG and SIGPIPE, which are about this process alone; those that a fault of this process raises (a handler
 * would return into the fault); SIGTTIN and SIGTTOU, whose default is what job control is (and libuv repeats a refused
 * tcsetattr for ever while they are caught); SIGWINCH, which sets the size of the terminal instead; SIGPROF,
 * which is the clock of Node's profiler; real-time signals, which Node cannot catch.
 *
 * @returns Those that end a command which a user or a supervisor has just started, and all others.
 */
export const forwardedSignals = (): [usual: NodeJS.Signals[], others: NodeJS.Signals[]] => {
  const passed = Object.entries(constants.signals).filter(([name]) => !kept.has(name))
  // SIGIO and SIGPOLL, SIGABRT and SIGIOT are one signal each.
  const all = [...new Map(passed.map(([name, number]) => [number, name])).values()] as NodeJS.Signals[]
  return [all.filter((name) => usual.has(name)), all.filter((name) => !usual.has(name))]
}
