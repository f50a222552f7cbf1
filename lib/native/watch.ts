/**
 * Watching and signalling processes that this one did not make. They are named by pid and start time: a pid alone may
 * have been given away again.
 */
import { NruncError } from '../errors.ts'
import type { ExitResult } from '../options/options.ts'
import { signalName } from '../container/signals.ts'
import { addon, EVENT, hold, letGo, subscribe, unsubscribe } from './addon.ts'
import { errnoName, isShortage } from './errno.ts'
import { failureError } from './failure.ts'

/** Milliseconds that the kernel gets to end a process that was killed. */
export const KILL_PATIENCE = 10_000

const unknown: ExitResult = { code: null, signal: null }

/** An end, and when this process heard of it; null when it was over before. */
export interface Ended extends ExitResult {
  readonly finishedAt: Date | null
  /** What was in the file that was to be read at the end, see `ChildOptions`. */
  readonly counts?: string | undefined
}

export function exitResult(code: number, signal: number): ExitResult {
  return code >= 0 ? { code, signal: null } : signal > 0 ? { code: null, signal: signalName(signal) } : unknown
}

/** Milliseconds between two attempts to watch, while the process has no descriptor left. */
const pause = 50

/** The end of a process; at once when it is not there any more. */
export const awaitExit = (pid: number, startTime: string): Promise<Ended> => watch(pid, startTime)

/** Resolves at the end of a process, and after LIMIT milliseconds in any case. */
export async function endsWithin(pid: number, startTime: string, limit: number): Promise<void> {
  await watch(pid, startTime, limit)
}

function watch(pid: number, startTime: string, limit?: number): Promise<Ended> {
  return new Promise((resolve) => {
    const id = subscribe((type, a, b) => {
      if (type === EVENT.exited) settle({ ...exitResult(a, b), finishedAt: new Date() })
    })
    hold()
    const giveUp = (): void => {
      addon().forget(id)
      settle({ ...unknown, finishedAt: null })
    }
    let retry: NodeJS.Timeout | undefined
    const timer = limit === undefined ? undefined : setTimeout(giveUp, limit)
    const settle = (ended: Ended): void => {
      clearTimeout(timer)
      clearTimeout(retry)
      unsubscribe(id)
      letGo()
      resolve(ended)
    }
    const look = (): void => {
      const result = addon().watch(id, pid, startTime)
      if (result >= 0) return
      if (isShortage(errnoName(-result))) retry = setTimeout(look, pause) // that it cannot be watched is not its end
      else settle({ ...unknown, finishedAt: null })
    }
    look()
  })
}

/**
 * Open exec.fifo, which lets init execute the program, and wait until it has.
 *
 * @throws NruncError what init reports (ERR_PROGRAM, ERR_HOOK), ERR_STATUS when it ends without a word
 */
export function awaitStarted(fifo: string, pid: number, startTime: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let started = false
    const id = subscribe((type, _a, _b, data) => {
      if (type === EVENT.started) started = true
      else if (type === EVENT.failed) settle(failureError(data))
      else if (type === EVENT.closed && started) settle()
      else if (type === EVENT.exited || type === EVENT.closed) settle(ended())
    })
    hold()
    let settled = false
    const settle = (error?: NruncError): void => {
      if (settled) return
      settled = true
      unsubscribe(id)
      addon().forget(id)
      letGo()
      if (error === undefined) resolve()
      else reject(error)
    }
    const result = addon().watch(id, pid, startTime) || addon().openChannel(id, fifo)
    if (result < 0) settle(ended(errnoName(-result)))
  })
}

const ended = (errno?: string): NruncError =>
  new NruncError('ERR_STATUS', `cannot start a container that has stopped${errno === undefined ? '' : `: ${errno}`}`, { errno })

/** @returns 0 or -errno; -ESRCH when it is another process by now */
export const signalProcess = (pid: number, startTime: string, signal: number): number => addon().signalPid(pid, startTime, signal)
