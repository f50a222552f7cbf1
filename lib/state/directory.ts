/**
 * ROOT/ID/: the directory of one container. It exists as long as the container does; making it takes the id.
 */
import { chmodSync, mkdirSync, readdirSync, rmdirSync, statSync, unlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { NruncError } from '../errors.ts'
import { removeTree } from './tree.ts'

/** Where the state of containers is by default: `/run/nrunc`, for others than root `$XDG_RUNTIME_DIR/nrunc`. */
export function defaultRoot(uid: number, env: Readonly<Record<string, string | undefined>>): string {
  const own = env['XDG_RUNTIME_DIR'] ?? ''
  if (uid === 0 || own === '') return '/run/nrunc'
  return join(own, 'nrunc')
}

/** @throws NruncError ERR_OPTION_INVALID when ROOT is empty or the root directory */
export function checkRoot(root: string): string {
  const path = resolve(root)
  if (root !== '' && path !== '/') return path
  if (root === '') throw new NruncError('ERR_OPTION_INVALID', 'the state root cannot be empty')
  throw new NruncError('ERR_OPTION_INVALID', 'the state root cannot be the root directory', { operand: root })
}

/** @throws NruncError ERR_ID_INVALID */
export function checkId(id: string): void {
  if (id === '') throw new NruncError('ERR_ID_INVALID', 'container id cannot be empty', { operand: id })
  if (typeof id !== 'string' || id === '.' || id === '..' || !/^[\w+.-]+$/.test(id) || id.length > 255) {
    throw new NruncError('ERR_ID_INVALID', `invalid container ID format: ${JSON.stringify(id)}`, { operand: id })
  }
}

/** The directory of a container, without looking whether it is there. */
export const containerDirectory = (root: string, id: string): string => join(root, id)

/**
 * Make the directory, mode 0700, and ROOT (1711: sticky, so that no cleaner of old files takes it) where it is missing.
 *
 * @throws NruncError ERR_ID_EXISTS, ERR_STATE_INVALID
 */
export function takeDirectory(root: string, id: string): string {
  const directory = containerDirectory(root, id)
  for (const attempt of [1, 2]) {
    try {
      mkdirSync(directory, 0o700)
      return directory
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EEXIST') {
        throw idExists(id)
      }
      if (code !== 'ENOENT' || attempt === 2) throw stateError(directory, error)
      makeRoot(root)
    }
  }
  return directory
}

export const idExists = (id: string): NruncError =>
  new NruncError('ERR_ID_EXISTS', `container with given ID already exists: ${JSON.stringify(id)}`, { operand: id })

function makeRoot(root: string): void {
  try {
    mkdirSync(root, { recursive: true, mode: 0o711 })
    if (statSync(root).uid === process.geteuid!()) chmodSync(root, 0o1711)
  } catch (error) {
    throw stateError(root, error)
  }
}

/** Remove the directory and the few files that can be in it; never follows a link, never crosses a mount. */
export function removeDirectory(directory: string): void {
  try {
    removeFiles(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw stateError(directory, error)
  }
}

/** Most often there is nothing but the state. */
function removeFiles(directory: string): void {
  try {
    unlinkSync(join(directory, 'state.json'))
    rmdirSync(directory)
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    if (!removeEmpty(directory)) removeTree(directory)
  }
}

/**
 * Whether the directory was empty, and is gone: reading one takes a descriptor, of which there may be none left.
 *
 * @throws an error of node:fs
 */
export function removeEmpty(directory: string): boolean {
  try {
    rmdirSync(directory)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTEMPTY') return false
    throw error
  }
}

/** Ids below ROOT, sorted; none where ROOT does not exist. */
export function containerIds(root: string): string[] {
  return entries(root).filter((name) => /^[\w+.-]+$/.test(name)).sort()
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw stateError(directory, error)
  }
}

export function stateError(path: string, error: unknown): NruncError {
  const { code, syscall, message } = error as NodeJS.ErrnoException
  const details = { operand: path, errno: code, syscall, cause: error }
  return new NruncError('ERR_STATE_INVALID', `cannot use the state directory: ${message}`, details)
}

