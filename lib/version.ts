/**
 * Which nrunc this is.
 */
import { readFileSync } from 'node:fs'

/** Put in by the build of the command line; absent when the sources run as they are. */
declare const NRUNC_VERSION: string | undefined
declare const NRUNC_COMMIT: string | undefined

/** The newest runtime-spec whose config.json is understood. */
export const specVersion = '1.3.0'

const fromPackage = (): string => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** The version of this package. */
export const packageVersion = (): string => (typeof NRUNC_VERSION === 'string' ? NRUNC_VERSION : fromPackage())

/** What it was built from; `unknown` when the sources run as they are. */
export const commit = (): string => (typeof NRUNC_COMMIT === 'string' ? NRUNC_COMMIT : 'unknown')

/** The lines of `--version`. dockerd reads the first two: the name and number around "version", and the commit. */
export const versionText = (): string =>
  `nrunc version ${packageVersion()}\ncommit: ${commit()}\nspec: ${specVersion}\nnode: ${process.version}\n`
