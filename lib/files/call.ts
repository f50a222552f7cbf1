/**
 * A call of the library on the files of a container.
 */
import { type Check, type FileCallOptions, inTime } from '../options/in-time.ts'
import type { StateFile } from '../state/file.ts'
import { ContainerRoot } from './root.ts'

/**
 * Do WORK with the root of a container. A file system that the container serves itself may leave a part of it without an
 * answer: a call that is given up has its error at once, and that part ends with the container.
 *
 * @throws NruncError ERR_ABORTED; ERR_TIMEOUT; ERR_OPTION_INVALID; ERR_STATUS; what WORK throws
 */
export function callOn<T>(state: StateFile, options: FileCallOptions, work: (root: ContainerRoot, check: Check) => Promise<T>): Promise<T> {
  return inTime(options, async (check) => {
    using root = ContainerRoot.of(state)
    return await work(root, check)
  })
}
