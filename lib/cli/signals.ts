/**
 * Signals as numbers and as names.
 */
import { constants } from 'node:os'
import { NruncError } from '../errors.ts'

const highest = 64

/**
 * The number of a signal that is written as on runc's command line: `9`, `KILL`, `SIGKILL`, in any case. Real-time
 * signals are given by number; 0 only asks whether the process is there (kill(2)).
 *
 * @throws {NruncError} ERR_OPTION_INVALID for anything else.
 */
export const parseSignal = (text: string): number => {
  if (/^[0-9]{1,9}$/.test(text) && Number(text) <= highest) return Number(text)
  const name = text.toUpperCase().replace(/^(?!SIG)/, 'SIG')
  const known: Readonly<Record<string, number>> = constants.signals
  const number = Object.hasOwn(known, name) ? known[name] : undefined
  if (number === undefined) throw new NruncError('ERR_OPTION_INVALID', `unknown signal "${text}"`, { operand: text })
  return number
}

/** The exit code by which a shell knows the end of a process: its own code, or 128 + the signal's number. */
export const exitCode = (result: { readonly code: number | null; readonly signal: NodeJS.Signals | null }): number =>
  result.code ?? (result.signal ? 128 + constants.signals[result.signal] : 255)

/**
 * The signals that a command in the foreground passes on to its process. Left out: those that cannot be caught;
 * SIGCHLD, SIGURG and SIGPIPE, which are about this process alone; those that a fault of this process raises (a handler
 * would return into the fault); SIGTTIN and SIGTTOU, whose default is what job control is (and libuv repeats a refused
 * tcsetattr for ever while they are caught); SIGWINCH, which sets the size of the terminal instead.
 */
export const forwardedSignals = (): NodeJS.Signals[] => {
  const kept = new Set([
    'SIGKILL', 'SIGSTOP', 'SIGCHLD', 'SIGURG', 'SIGPIPE', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL',
    'SIGTTIN', 'SIGTTOU', 'SIGWINCH',
  ])
  const passed = Object.entries(constants.signals).filter(([name]) => !kept.has(name))
  // SIGIO and SIGPOLL, SIGABRT and SIGIOT are one signal each.
  return [...new Map(passed.map(([name, number]) => [number, name])).values()] as NodeJS.Signals[]
}
