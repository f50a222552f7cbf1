/**
 * One operation at a time on a container, whatever process it comes from: flock(2) on its directory.
 */
import { addon, job } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import { hostError } from '../native/refused.ts'
import { notFound } from './file.ts'
import type { NruncError } from '../errors.ts'
import { idExists, removeEmpty, stateError, takeDirectory } from './directory.ts'

/** A lock that is held. */
export class Lock {
  readonly descriptor: number
  #ours = true

  constructor(descriptor: number) {
    this.descriptor = descriptor
  }

  /** Somebody else has closed it. */
  giveAway(): void { this.#ours = false }

  close(): void {
    if (this.#ours) addon().close(this.descriptor)
    this.#ours = false
  }
}

/**
 * Take the lock; to be closed. FRESH: of a directory in which there is nothing yet.
 *
 * @throws NruncError ERR_NOT_FOUND when the container is gone, ERR_ID_EXISTS when the directory had to be fresh,
 * ERR_STATE_INVALID
 */
async function takeLock(directory: string, id: string, fresh: boolean): Promise<Lock> {
  let lock = addon().lock(directory, fresh)
  if (errnoName(-lock) === 'EAGAIN') lock = (await job((native, number) => native.lockWait(number, directory, fresh))).a
  if (lock >= 0) return new Lock(lock)
  if (errnoName(-lock) === 'ENOENT') throw notFound(id)
  if (errnoName(-lock) === 'ENOTEMPTY') throw idExists(id)
  throw stateError(directory, Object.assign(new Error(`flock ${directory}: ${errnoName(-lock)}`), { code: errnoName(-lock), syscall: 'flock' }))
}

/**
 * Take an id: make its directory, and take the lock on it. Between the two it looks like what a killed maker leaves:
 * whoever removes that lets this one try again, and when another one has it then it is his.
 *
 * @throws NruncError ERR_ID_EXISTS, ERR_STATE_INVALID; nothing stays then
 */
export async function takeId(root: string, id: string): Promise<{ readonly directory: string; readonly lock: Lock }> {
  for (;;) {
    const directory = takeDirectory(root, id)
    try {
      return { directory, lock: await takeLock(directory, id, true) }
    } catch (error) {
      const { code } = error as NruncError
      if (code === 'ERR_NOT_FOUND') continue
      if (code !== 'ERR_ID_EXISTS') tolerate(() => removeEmpty(directory))
      throw error
    }
  }
}

/** What was to be told is why there is no lock. */
function tolerate(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    process.emitWarning(error as Error)
  }
}

/**
 * Run WORK with the lock held.
 *
 * @throws NruncError ERR_NOT_FOUND when the container is gone, ERR_STATE_INVALID; ERR_HOST for what WORK is refused
 */
export async function withLock<T>(directory: string, id: string, work: (lock: Lock) => Promise<T>): Promise<T> {
  const lock = await takeLock(directory, id, false)
  try {
    return await work(lock)
  } catch (error) {
    throw hostError(error)
  } finally {
    lock.close()
  }
}
