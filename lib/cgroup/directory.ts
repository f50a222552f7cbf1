/**
 * What freezing, listing, killing and removing have in common: the guard against a wrong directory, writing, and errors.
 */
import { access } from 'node:fs/promises'
import { posix } from 'node:path'
import { NruncError } from '../errors.ts'
import { writeText } from '../native/files.ts'

/** Symbolic errno of an error of node:fs, `undefined` for other errors. */
export const errnoOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code

/** The cgroup was removed: before it was opened, or since. */
export const isGone = (error: unknown): boolean => ['ENOENT', 'ENODEV'].includes(errnoOf(error) ?? '')

/** An ERR_CGROUP of the form `WHAT cgroup "DIRECTORY": errno`. */
export function cgroupFailure(what: string, directory: string, error: unknown): NruncError {
  const { syscall } = error as NodeJS.ErrnoException
  return new NruncError('ERR_CGROUP', `${what} cgroup "${directory}": ${errnoOf(error) ?? String(error)}`, {
    syscall, errno: errnoOf(error), operand: directory, cause: error,
  })
}

/**
 * Refuse to kill or to remove recursively what cannot be a container's cgroup: a relative path, one with `..`, the
 * root of a hierarchy. The paths come from a state file, and a damaged one must not take the host down.
 *
 * @throws NruncError ERR_CGROUP
 */
export async function requireOwnCgroup(directory: string): Promise<void> {
  const parent = posix.dirname(directory)
  const plain = posix.isAbsolute(directory) && posix.normalize(directory) === directory
  if (plain && await access(`${parent}/cgroup.procs`).then(() => true, () => false)) return
  throw new NruncError('ERR_CGROUP', `"${directory}" is not the cgroup of a container`, { operand: directory })
}

/** Write VALUE to a file of a cgroup, which may be one that nobody can read, in a single write(2). Rejects as node:fs. */
export const writeControl: (path: string, value: string) => Promise<void> = writeText
