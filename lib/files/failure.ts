/**
 * What goes wrong with a file, in the words of the library.
 */
import { NruncError } from '../errors.ts'
import { errnoMessage } from '../native/errno.ts'
import { constants } from 'node:os'

const numbers: Readonly<Record<string, number>> = constants.errno

/** `cannot VERB "PATH": CAUSE`; ERR_FILE. */
export function fileError(verb: string, path: string, errno: string, syscall?: string, cause?: unknown): NruncError {
  const number = numbers[errno]
  const why = number === undefined ? errno : errnoMessage(number)
  return new NruncError('ERR_FILE', `cannot ${verb} ${JSON.stringify(path)}: ${why}`, { errno, syscall, operand: path, cause })
}

/** The same with a cause that has no errno. */
export const fileRefused = (verb: string, path: string, why: string): NruncError =>
  new NruncError('ERR_FILE', `cannot ${verb} ${JSON.stringify(path)}: ${why}`, { operand: path })

/** What went wrong before a file could not be closed either, which a file system of the container's own can bring about. */
function firstOf(error: unknown): unknown {
  return error instanceof Error && error.name === 'SuppressedError' && 'suppressed' in error ? firstOf(error.suppressed) : error
}

/** Run WORK; what node:fs says comes as an error about VERB and PATH. */
export async function attempt<T>(verb: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const first = firstOf(error)
    const { code, syscall } = first as NodeJS.ErrnoException
    if (first instanceof NruncError || code === undefined || !(code in numbers)) throw first
    throw fileError(verb, path, code, syscall, first)
  }
}
