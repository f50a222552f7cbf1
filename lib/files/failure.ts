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

/** A device, a FIFO or a directory in the place of a file. */
export class NotRegular extends Error {
  constructor() {
    super('not a regular file')
  }
}

/** Run WORK; what node:fs says comes as an error about VERB and PATH. */
export async function attempt<T>(verb: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof NotRegular) throw fileRefused(verb, path, error.message)
    const { code, syscall } = error as NodeJS.ErrnoException
    if (error instanceof NruncError || code === undefined || !(code in numbers)) throw error
    throw fileError(verb, path, code, syscall, error)
  }
}
