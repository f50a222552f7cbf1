/**
 * dist/cache: for each command that has to start fast, what V8 has compiled of dist/cli.cjs when it ran. The commands run
 * for real, with containers of the host's own programs; where none can be made (no rights, no namespaces), they fail, and
 * their caches lack what comes after.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const isRoot = process.geteuid() === 0

/** Command lines by the name of their cache; those without one only prepare the next. `LONG` and `SHORT` are bundles. */
const commandLines = [
  ['spec', 'spec', '--host', ...(isRoot ? [] : ['--rootless']), '--bundle', 'SHORT', 'true'],
  [undefined, 'spec', '--host', ...(isRoot ? [] : ['--rootless']), '--bundle', 'LONG', 'sleep', '10'],
  ['run', 'run', '--bundle', 'SHORT', 'a'],
  ['create', 'create', '--bundle', 'LONG', '--pid-file', 'SCRATCH/pid', 'b'],
  ['start', 'start', 'b'],
  ['state', 'state', 'b'],
  ['exec', 'exec', '--user', '0:0', 'b', 'true'],
  ['kill', 'kill', 'b', 'KILL'],
  ['delete', 'delete', '--force', 'b'],
]

/** A cgroup of its own, removed with the container. */
const prepareBundle = (directory) => {
  const path = join(directory, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8'))
  if (isRoot) config.linux.cgroupsPath = `/nrunc-build-${process.pid}`
  writeFileSync(path, JSON.stringify(config))
}

/**
 * V8 takes a code cache from no other version, no other options and no other text than its own.
 *
 * @param root The package's directory.
 * @param options Of Node, as the command will have them.
 */
export const writeCodeCache = (root, options, env) => {
  const directory = join(root, 'dist/cache')
  // V8 knows a text by its length alone: an old cache must never meet a new bundle.
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  const scratch = mkdtempSync(join(tmpdir(), 'nrunc-build-'))
  const bundles = { SHORT: join(scratch, 'short'), LONG: join(scratch, 'long'), 'SCRATCH/pid': join(scratch, 'pid') }
  const before = [...options, join(root, 'scripts/cli-cache.cjs'), join(root, 'dist/cli.cjs')]
  const global = ['--root', join(scratch, 'state'), '--log', join(scratch, 'log'), '--log-format', 'json']
  try {
    for (const [name, ...words] of commandLines) {
      const cache = name === undefined ? '/dev/null' : join(directory, name)
      const line = words.map((word) => bundles[word] ?? word)
      // SIGTERM would be handed on to a container.
      const how = { env, stdio: 'ignore', timeout: 20_000, killSignal: 'SIGKILL' }
      spawnSync(process.execPath, [...before, cache, ...global, ...line], how)
      if (words[0] === 'spec') prepareBundle(line[line.indexOf('--bundle') + 1])
    }
  } catch (error) {
    console.error(`nrunc: commands start without compiled code: ${error.message}`)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
