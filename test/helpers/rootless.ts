/**
 * The command line as an ordinary user runs it: a copy of the package that everybody may read, and a home of their own.
 */
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type CliOptions, type CliResult, runProgram } from './cli.ts'
import { someone } from './host.ts'
import { bench } from './needs.ts'

export interface Home {
  /** Writable to the user. */
  readonly directory: string
  /** The whole command line of `nrunc WORDS` as this user, for who runs it elsewhere. */
  words(...words: readonly string[]): string[]
  nrunc(words: readonly string[], options?: CliOptions): Promise<CliResult>
  /** Run a module of this text in the user's Node; `library` in it is the package. */
  node(script: string): Promise<CliResult>
  /** `nrunc` where the user has subordinate ids: 65535 uids from 200000 and as many gids from 300000. */
  nruncWithSubordinateIds(words: readonly string[], options?: CliOptions): Promise<CliResult>
}

const project = fileURLToPath(new URL('../..', import.meta.url))

/** Make a home for {@link someone}. */
export function makeHome(): Home {
  const directory = mkdtempSync(join(bench().directory, 'home-'))
  const program = copyPackage(join(directory, 'nrunc'))
  chmodSync(directory, 0o755)
  chownSync(directory, someone.uid, someone.gid)
  const words = ['setpriv', ...someone.words, program]
  const env = { HOME: directory, USER: 'someone' }
  const run = (through: readonly string[]) => (more: readonly string[], options: CliOptions = {}) =>
    runProgram([...words, ...more], { cwd: directory, ...options, env: { ...env, ...options.env }, through })
  return {
    directory,
    words: (...more) => [...words, ...more],
    nrunc: run([]),
    node: (script) => runProgram([
      'setpriv', ...someone.words, process.execPath, '--input-type=module', '-e',
      `const library = await import(${JSON.stringify(pathToFileURL(join(directory, 'nrunc/dist/index.js')).href)})\n${script}`,
    ], { cwd: directory, env }),
    nruncWithSubordinateIds: run(withSubordinateIds(directory)),
  }
}

function copyPackage(to: string): string {
  for (const name of ['bin', 'dist', 'package.json', 'build/Release/nrunc.node']) {
    cpSync(join(project, name), join(to, name), { recursive: true })
  }
  return join(to, 'dist/nrunc')
}

/** Words that run a command in a mount namespace in which the files that newuidmap reads know the user. */
function withSubordinateIds(directory: string): string[] {
  const { uid, gid } = someone
  const files = {
    passwd: `root:x:0:0:root:/root:/bin/sh\nsomeone:x:${uid}:${gid}::${directory}:/bin/sh\n`,
    subuid: 'someone:200000:65535\n', subgid: 'someone:300000:65535\n',
  }
  const etc = join(directory, 'etc')
  mkdirSync(etc)
  const binds = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(etc, name), text)
    return `mount --bind ${join(etc, name)} /etc/${name}`
  })
  return ['unshare', '-m', '--propagation', 'private', 'sh', '-c', `${binds.join(' && ')} && exec "$@"`, 'sh']
}
