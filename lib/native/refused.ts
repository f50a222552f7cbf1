/**
 * Errors of node:fs where the kernel refuses what nrunc does for itself: looking at the host, at a process, at a state.
 */
import { NruncError } from '../errors.ts'
import { errnoMessage, isShortage } from './errno.ts'

/** An error of the system as an ERR_HOST in the words of other runtimes; any other as it is. */
export function hostError(error: unknown): unknown {
  const { code, errno, syscall, path, message } = error as NodeJS.ErrnoException
  if (error instanceof NruncError || code === undefined || syscall === undefined) return error
  const words = errno === undefined ? message : `${syscall}${path === undefined ? '' : ` ${path}`}: ${errnoMessage(Math.abs(errno))}`
  return new NruncError('ERR_HOST', words, { errno: code, syscall, operand: path, cause: error })
}

/**
 * What LOOK finds, or OTHERWISE when there is nothing to be seen: not there, or not for this user.
 *
 * @throws NruncError ERR_HOST where this process has not what it takes to look: that is no answer
 */
export function orElse<T>(otherwise: T, look: () => T): T {
  try {
    return look()
  } catch (error) {
    if (isShortage((error as NodeJS.ErrnoException).code)) throw hostError(error)
    return otherwise
  }
}
