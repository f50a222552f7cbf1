/**
 * A call that its options may end before its time.
 */
import { Deadline, type DeadlineOptions } from './deadline.ts'

/** What ends a call on the files of a container before its time. */
export type FileCallOptions = Pick<DeadlineOptions, 'signal' | 'timeout'>

export const fileCallNames = ['signal', 'timeout'] as const

/** Throws the error of a call that was given up. */
export type Check = () => void

/** What WORK gives, unless the options end it before: it then goes on until its next CHECK. @throws NruncError ERR_ABORTED; ERR_TIMEOUT; ERR_OPTION_INVALID; what WORK throws */
export async function inTime<T>({ signal, timeout }: FileCallOptions, work: (check: Check) => Promise<T>): Promise<T> {
  const deadline = Deadline.from({ signal, timeout })
  if (deadline === undefined) return work(() => {})
  try {
    return await deadline.race(work(() => deadline.check()))
  } finally {
    deadline.clear()
  }
}
