/** What sanitizers have written into the files of a directory, for scripts/sanitize.mjs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** ThreadSanitizer's, from line to line; the others end the process, or are a line with the stack below it. */
const race = /^WARNING: ThreadSanitizer: /m

/** Its last line, which counts those of Node too. */
const sum = /^ThreadSanitizer: reported \d+ warnings$/

/** The reports in the text of one process. Races without the addon are Node's own, which is not instrumented. */
export const reportsOf = (text) => text.split(/^={10,}$/m).map((part) => part.trim())
  .filter((part) => part !== '' && !sum.test(part) && (!race.test(part) || part.includes('nrunc.node')))

/** The reports in all files of a directory: `{ file, text }`. */
export const reportsIn = (directory) => !existsSync(directory) ? [] : readdirSync(directory).sort().flatMap((name) => {
  const file = join(directory, name)
  return reportsOf(readFileSync(file, 'utf8')).map((text) => ({ file, text }))
})
