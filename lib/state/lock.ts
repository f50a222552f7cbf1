/**
 * One operation at a time on a container, whatever process it comes from: flock(2) on its directory.
 */
import { addon, job } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import { notFound } from './file.ts'
import { stateError } from './directory.ts'

/** A lock that is held. */
export class Lock {
  readonly descriptor: number
  #ours = true

  constructor(descriptor: number) {
    this.descriptor = descriptor
  }

  /** Somebody else closes it. */
  giveAway(): void { this.#ours = false }

  close(): void {
    if (this.#ours) addon().close(this.descriptor)
    this.#ours = false
  }
}

/**
 * Take the lock; to be closed.
 *
 * @throws NruncError ERR_NOT_FOUND when the container is gone, ERR_STATE_INVALID
 */
export async function takeLock(directory: string, id: string): Promise<Lock> {
  let lock = addon().lock(directory)
  if (errnoName(-lock) === 'EAGAIN') {
    lock = (await job((native, number) => native.lockWait(number, directory))).a
    if (lock >= 0) addon().holdLock(lock)
  }
  if (lock >= 0) return new Lock(lock)
  if (errnoName(-lock) === 'ENOENT') throw notFound(id)
  throw stateError(directory, Object.assign(new Error(`flock ${directory}: ${errnoName(-lock)}`), { code: errnoName(-lock), syscall: 'flock' }))
}

/**
 * Run WORK with the lock held.
 *
 * @throws NruncError ERR_NOT_FOUND when the container is gone, ERR_STATE_INVALID
 */
export async function withLock<T>(directory: string, id: string, work: (lock: Lock) => Promise<T>): Promise<T> {
  const lock = await takeLock(directory, id)
  try {
    return await work(lock)
  } finally {
    lock.close()
  }
}
