/**
 * A process in the foreground: it has the terminal, it gets the signals, and its end is the end of the command.
 */
import type { ExitResult, StdioOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { exitCode, forwardedSignals } from './signals.ts'

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
): Promise<{ readonly attended: T; readonly code: number }> => {
  const early: NodeJS.Signals[] = []
  let running: T | undefined
  const forward = (signal: NodeJS.Signals) => {
    if (!running) early.push(signal)
    // A process that has just ended needs no signal any more, and one that may not be signalled goes on.
    else running.kill(signal).catch(() => {})
  }
  for (const signal of forwardedSignals()) process.on(signal, forward)
  const attended = await create()
  const screen = attended.terminal && (await import('./terminal.ts')).attachTerminal(attended.terminal)
  try {
    running = attended
    early.forEach(forward)
    const result = await attended.wait()
    await screen?.drain()
    return { attended, code: exitCode(result) }
  } finally {
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
