/**
 * The directories of a checkpoint, and what is in them besides criu's own files.
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NruncError } from '../errors.ts'
import { CriuFailure } from './criu.ts'

/** What the standard streams of the container were connected to: runc's file, as JSON. */
const descriptorsFile = 'descriptors.json'

const fileError = (what: string, path: string, cause: unknown): NruncError => {
  const { code, syscall, message } = cause as NodeJS.ErrnoException
  return new NruncError('ERR_CRIU', `cannot ${what}: ${message}`, { operand: path, errno: code, syscall, cause })
}

/** Open directories, for criu to open them here. */
export class CheckpointFiles {
  imagesDirFd: number
  workDirFd: number | undefined
  readonly #images: string
  readonly #log: string
  readonly #work: string | undefined

  /** With MAKE the images may be missing; the work directory always may. @throws NruncError ERR_CRIU */
  constructor({ imagePath, workPath }: { readonly imagePath: string; readonly workPath?: string | undefined }, logFile: string, { make = false } = {}) {
    this.#images = imagePath
    this.#work = workPath || undefined
    this.#log = join(workPath || imagePath, logFile)
    this.imagesDirFd = openDirectory(imagePath, make)
    try {
      this.workDirFd = workPath ? openDirectory(workPath, true) : undefined
    } catch (error) {
      closeSync(this.imagesDirFd)
      throw error
    }
  }

  /**
   * Open them again where process PID sees them, in its own mount namespace: criu mounts on directories in its work
   * directory, and nobody can mount on what another namespace has (EINVAL, mount(2)).
   */
  reopenIn(pid: number): void {
    this.close()
    const seen = (path: string): number => openDirectory(`/proc/${pid}/root${realpathSync(path)}`, false)
    this.imagesDirFd = seen(this.#images)
    if (this.#work !== undefined) this.workDirFd = seen(this.#work)
  }

  close(): void {
    for (const fd of [this.imagesDirFd, this.workDirFd]) if (fd !== undefined && fd >= 0) closeSync(fd)
    this.imagesDirFd = -1
    this.workDirFd = undefined
  }

  writeDescriptors(descriptors: readonly string[]): void {
    const path = join(this.#images, descriptorsFile)
    try {
      rmSync(path, { force: true }) // a link in its place is not followed
      writeFileSync(path, JSON.stringify(descriptors), { mode: 0o600, flag: 'wx' })
    } catch (error) {
      throw fileError('write the checkpoint', path, error)
    }
  }

  /** @throws NruncError ERR_CRIU where there is no checkpoint */
  readDescriptors(): string[] {
    const path = join(this.#images, descriptorsFile)
    try {
      const list: unknown = JSON.parse(readSmallFile(path))
      if (Array.isArray(list) && list.length <= 3 && list.every((one) => typeof one === 'string')) return list
      throw new Error('it is not a list of three texts at most')
    } catch (error) {
      throw fileError(`read ${path}`, path, error)
    }
  }

  /** What criu could not do, with the last errors of its log, which say why. */
  explain(error: unknown): unknown {
    if (!(error instanceof CriuFailure)) return error
    const why = lastErrors(this.#log) ?? error.reason
    const { step, errno } = error
    return new NruncError('ERR_CRIU', `${error.message}${why === undefined ? '' : `: ${why}`} (log file: ${this.#log})`, { step, errno, operand: this.#log, cause: error })
  }
}

/** The text of a regular file: neither something that is waited for, nor more than the descriptors of a container take. */
function readSmallFile(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  try {
    const status = fstatSync(file)
    if (!status.isFile()) throw new Error('it is not a regular file')
    if (status.size > 1 << 20) throw new Error('it is too large')
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

function openDirectory(path: string, make: boolean): number {
  try {
    if (make) mkdirSync(path, { recursive: true, mode: 0o700 })
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  } catch (error) {
    throw fileError('open the directory of the checkpoint', path, error)
  }
}

/** One error leads to the next, and the clearing up to more. */
const errorsShown = 3

/** That criu failed, or a program that it called, which is said elsewhere. */
const empty = / FAILED\.?$|\): exited, status=\d+$/

/** The last errors of criu's log, each once, without the time before them. */
function lastErrors(path: string): string | undefined {
  try {
    const lines = readFileSync(path, 'utf8').split('\n').filter((line) => /(^| )Error /.test(line) && !empty.test(line))
    const errors = [...new Set(lines.map((line) => line.replace(/^.*?Error /, '').trim()))]
    return errors.length === 0 ? undefined : errors.slice(-errorsShown).join('; ')
  } catch {
    return undefined
  }
}

/** @throws NruncError ERR_OPTION_INVALID unless PARENT, relative to the images, is a directory */
export function requireParent(imagePath: string, parent: string): void {
  const path = join(imagePath, parent)
  try {
    if (!statSync(path).isDirectory()) throw Object.assign(new Error(`ENOTDIR: not a directory, stat '${path}'`), { code: 'ENOTDIR' })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new NruncError('ERR_OPTION_INVALID', `invalid --parent-path: ${message}`, { operand: path, errno: code, cause })
  }
}
