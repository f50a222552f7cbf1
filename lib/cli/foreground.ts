/**
 * A process in the foreground: it has the terminal, it gets the signals, and its end is the end of the command.
 */
import type { ExitResult, StdioOptions } from '../options/options.ts'
import type { Terminal } from '../streams/terminal.ts'
import { exitCode, forwardedSignals } from './signals.ts'
import type { Screen } from './terminal.ts'

/** What can be in the foreground: a container, or a process of one. */
export interface Attended {
  readonly terminal: Terminal | null
  wait(): Promise<ExitResult>
  kill(signal?: string | number): Promise<void>
}

/**
 * Creates a process, attends it until it ends, and resolves to it and to the exit code that a shell expects.
 * Signals that arrive before the process runs are kept for it; those after its end are dropped, so that they do not
 * interrupt the clearing up.
 *
 * @throws What `create` throws.
 */
export const attend = async <T extends Attended>(
  create: () => Promise<T>,
  wait: (attended: T) => Promise<ExitResult> = (attended) => attended.wait(),
): Promise<{ readonly attended: T; readonly code: number }> => {
  const early: NodeJS.Signals[] = []
  let running: T | undefined
  const forward = (signal: NodeJS.Signals) => {
    if (!running) early.push(signal)
    // A process that has just ended needs no signal any more, and one that may not be signalled goes on.
    else running.kill(signal).catch(() => {})
  }
  const listen = (signals: readonly NodeJS.Signals[]) => signals.forEach((signal) => process.on(signal, forward))
  const [usual, others] = forwardedSignals()
  listen(usual)
  const made = create()
  // A millisecond of work, done while the process is being made.
  const later = setImmediate(listen, others)
  let screen: Screen | null = null
  try {
    const attended = running = await made
    screen = attended.terminal && (await import('./terminal.ts')).attachTerminal(attended.terminal)
    early.forEach(forward)
    const result = await wait(attended)
    await screen?.drain()
    return { attended, code: exitCode(result) }
  } finally {
    clearImmediate(later)
    screen?.restore()
  }
}

/**
 * What the terminal of a process in the foreground is made with: the size of this process's own, and line feeds as they
 * are, because this process's terminal, in Node's raw mode too, adds the carriage returns.
 */
export const terminalOptions = async (): Promise<Pick<StdioOptions, 'terminalSize' | 'keepLineFeeds'>> => {
  const { windowSize } = await import('./terminal.ts')
  return { terminalSize: windowSize(), keepLineFeeds: true }
}
