/**
 * The sockets of others that get descriptors: a terminal's master, a pidfd.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { NruncError } from '../errors.ts'
import type { Deadline } from '../options/deadline.ts'
import { addon } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import type { StdioOptions } from '../options/options.ts'

/** Connected descriptors, of the addon. They belong to whoever they are given to. */
export interface Sockets {
  readonly console?: number | undefined
  readonly pidfd?: number | undefined
}

/** How long, in milliseconds, a listener that does not accept is waited for, and between two attempts. */
const patience = 10_000
const pause = 10

/**
 * A connected stream socket. unix(7): without blocking, a connect to a listener whose queue is full is EAGAIN.
 *
 * @throws NruncError ERR_NATIVE, also after 10 s in which the listener does not accept; what DEADLINE says when it fires
 */
export async function connectSocket(
  path: string, { field, deadline }: { readonly field?: string; readonly deadline?: Deadline | undefined } = {},
): Promise<number> {
  let result = addon().connect(path)
  for (let waited = 0; errnoName(-result) === 'EAGAIN' && waited < patience; waited += pause) {
    await sleep(pause)
    deadline?.check()
    result = addon().connect(path)
  }
  if (result >= 0) return result
  const errno = errnoName(-result)
  const message = `cannot connect ${JSON.stringify(path)}: ${errno}${errno === 'EAGAIN' ? ' (nobody accepts the connection)' : ''}`
  throw new NruncError('ERR_NATIVE', message, { syscall: 'connect', errno, operand: path, field })
}

/**
 * Connect what the options name; a console socket only for a terminal.
 *
 * @throws NruncError as {@link connectSocket}
 */
export async function connectSockets({ consoleSocket, pidfdSocket }: StdioOptions, terminal: boolean, deadline?: Deadline): Promise<Sockets> {
  const console = terminal && consoleSocket !== undefined ? await connectSocket(consoleSocket, { deadline }) : undefined
  try {
    return { console, pidfd: pidfdSocket === undefined ? undefined : await connectSocket(pidfdSocket, { deadline }) }
  } catch (error) {
    if (console !== undefined) addon().close(console)
    throw error
  }
}
