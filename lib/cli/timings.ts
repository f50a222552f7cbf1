/**
 * `run --timings`: where the time of a start went.
 */
import type { Container } from '../container/container.ts'
import { writeAll } from './output.ts'
import { UsageError } from './usage-error.ts'

/** @throws {UsageError} for a format that is neither `text` nor `json` */
export const checkTimings = (format: string | undefined): void => {
  if (format === undefined || format === 'text' || format === 'json') return
  throw new UsageError(`invalid value "${format}" for flag -timings: must be text or json`)
}

/** Prints them to the standard error; the standard output is the container's. Nothing without a FORMAT. */
export const printTimings = async (container: Pick<Container, 'timings'>, format: string | undefined): Promise<void> => {
  if (format === undefined) return
  const { timings } = container
  if (timings === null) return
  const { timingsJson, timingsText } = await import('../container/timings.ts')
  writeAll(2, format === 'json' ? timingsJson(timings) : timingsText(timings))
}
