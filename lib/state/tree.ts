/**
 * Removing a directory that nrunc has made itself (the bundle of a container without one).
 */
import { lstatSync, readdirSync, rmdirSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

/** As rm -r, but a directory of another file system is left alone: something is still mounted there. */
export function removeTree(directory: string): void {
  const { dev } = statSync(directory)
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    const status = lstatSync(path)
    if (!status.isDirectory()) unlinkSync(path)
    else if (status.dev === dev) removeTree(path)
  }
  rmdirSync(directory)
}
