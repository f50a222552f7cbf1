/**
 * One operation at a time on a container, whatever process it comes from: flock(2) on its directory.
 */
import { addon, job } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import { notFound } from './file.ts'
import { stateError } from './directory.ts'

/**
 * Run WORK with the lock held.
 *
 * @throws NruncError ERR_NOT_FOUND when the container is gone, ERR_STATE_INVALID
 */
export async function withLock<T>(directory: string, id: string, work: () => Promise<T>): Promise<T> {
  let lock = addon().lock(directory)
  if (errnoName(-lock) === 'EAGAIN') lock = (await job((native, number) => native.lockWait(number, directory))).a
  if (lock < 0) {
    if (errnoName(-lock) === 'ENOENT') throw notFound(id)
    throw stateError(directory, Object.assign(new Error(`flock ${directory}: ${errnoName(-lock)}`), { code: errnoName(-lock), syscall: 'flock' }))
  }
  try {
    return await work()
  } finally {
    addon().close(lock)
  }
}
