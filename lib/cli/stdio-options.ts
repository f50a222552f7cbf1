/**
 * The flags about descriptors, terminals and the pid file, which `create`, `run` and `exec` share.
 */
import { resolve } from 'node:path'
import { NruncError } from '../errors.ts'
import type { StdioOptions } from '../options/options.ts'
import type { Values } from './command.ts'

export const stdioFlags = {
  'console-socket': { kind: 'text', value: 'PATH', help: "unix socket that receives the terminal's master" },
  'pidfd-socket': { kind: 'text', value: 'PATH', help: 'unix socket that receives a pidfd of the process' },
  'pid-file': { kind: 'text', value: 'PATH', help: 'file that receives the pid' },
  'preserve-fds': { kind: 'number', help: 'pass on N more descriptors, from 3 on' },
} as const

/**
 * A terminal that nobody holds would hang up at once, and a console socket without one would never hear anything.
 *
 * @throws {NruncError} ERR_OPTION_INVALID in runc's words.
 */
export const checkTerminal = (terminal: boolean, detach: boolean, socket: string | undefined): void => {
  const refuse = (message: string) => new NruncError('ERR_OPTION_INVALID', message, { operand: socket })
  if (detach && terminal && !socket) {
    throw refuse('cannot allocate tty if nrunc will detach without setting console socket')
  }
  if (socket && !(detach && terminal)) {
    throw refuse('cannot use console socket if nrunc will not detach or allocate tty')
  }
}

/** Without a terminal the process gets this process's own streams. */
export const stdioOptions = (flags: Partial<Values<typeof stdioFlags>>, terminal: boolean): StdioOptions => ({
  ...(terminal ? {} : { stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' }),
  consoleSocket: flags.consoleSocket && resolve(flags.consoleSocket),
  pidfdSocket: flags.pidfdSocket && resolve(flags.pidfdSocket),
  pidFile: flags.pidFile && resolve(flags.pidFile),
  preserveFds: flags.preserveFds,
})
