/**
 * dist/cache: what V8 has compiled of dist/cli.cjs when the commands ran that have to start fast. They run for real, with
 * containers of the host's own programs; where none can be made (no rights, no namespaces), they fail, and the cache lacks
 * what comes after.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const isRoot = process.geteuid() === 0
const spec = ['spec', '--host', ...(isRoot ? [] : ['--rootless']), '--bundle']

/** Bundles for the commands; how they are made need not be fast. */
const preparations = [[...spec, 'SHORT', 'true'], [...spec, 'LONG', 'sleep', '10']]

/** `LONG` and `SHORT` are bundles. */
const commandLines = [
  ['run', '--bundle', 'SHORT', 'a'],
  ['create', '--bundle', 'LONG', '--pid-file', 'SCRATCH/pid', 'b'],
  ['start', 'b'],
  ['state', 'b'],
  ['exec', '--user', '0:0', 'b', 'true'],
  ['kill', 'b', 'KILL'],
  ['delete', '--force', 'b'],
]

/** A cgroup of its own, removed with the container; HOME has to be looked up, as for most images. */
const prepareBundle = (directory) => {
  const path = join(directory, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8'))
  config.process.env = config.process.env.filter((entry) => !entry.startsWith('HOME='))
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
  const cache = join(root, 'dist/cache')
  // V8 knows a text by its length alone: an old cache must never meet a new bundle.
  rmSync(cache, { recursive: true, force: true })
  const scratch = mkdtempSync(join(tmpdir(), 'nrunc-build-'))
  const bundles = { SHORT: join(scratch, 'short'), LONG: join(scratch, 'long'), 'SCRATCH/pid': join(scratch, 'pid') }
  const global = ['--root', join(scratch, 'state'), '--log', join(scratch, 'log'), '--log-format', 'json']
  const run = (program, words) => {
    const line = words.map((word) => bundles[word] ?? word)
    // SIGTERM would be handed on to a container.
    const how = { env, stdio: 'ignore', timeout: 20_000, killSignal: 'SIGKILL' }
    spawnSync(process.execPath, [...options, ...program, ...global, ...line], how)
  }
  try {
    for (const words of preparations) run([join(root, 'bin/nrunc.cjs')], words)
    for (const name of ['SHORT', 'LONG']) prepareBundle(bundles[name])
    for (const words of commandLines) run([join(root, 'scripts/cli-cache.cjs'), join(root, 'dist/cli.cjs'), cache], words)
  } catch (error) {
    console.error(`nrunc: commands start without compiled code: ${error.message}`)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
