/**
 * How long something takes. Of Node's clocks the one that is there: the first use of `performance` loads modules of Node for
 * two milliseconds.
 */

/** Milliseconds of CLOCK_MONOTONIC. */
export const now = (): number => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
