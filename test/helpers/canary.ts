/**
 * A directory of the host that an attack would write to.
 */
import { lstatSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Canary {
  readonly directory: string
  /** A file in it. */
  readonly file: string
  /** Everything that can be seen of both. */
  look(): unknown
}

/** Make one below DIRECTORY. */
export function makeCanary(directory: string): Canary {
  const canary = mkdtempSync(join(directory, 'canary-'))
  const file = join(canary, 'file')
  writeFileSync(file, 'untouched\n')
  const describe = (path: string): unknown => {
    const { mode, ino, nlink, uid, rdev, dev } = lstatSync(path)
    return { path, mode, ino, nlink, uid, rdev, dev }
  }
  return {
    directory: canary,
    file,
    look: () => [
      describe(canary),
      ...readdirSync(canary).map((name) => describe(join(canary, name))),
      readFileSync(file, 'utf8'),
    ],
  }
}
