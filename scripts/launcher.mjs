/**
 * Makes the command ready for the Node that runs this: dist/nrunc, the launcher; dist/cache, what V8 has compiled of the
 * command line; dist/snapshot, from which Node starts with all of it loaded; and dist/launch, where the launcher finds this
 * Node and the words that make it start sooner. Run by the build, and by npm where the package is installed.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeCodeCache } from './code-cache.mjs'
import { writeSnapshot } from './snapshot.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const launchers = [join(root, 'build/Release/nrunc_launcher'), join(root, `prebuilds/linux-${process.arch}/nrunc_launcher`)]

/**
 * Options of Node and V8 for a process that lives for some milliseconds. V8 gives the strings of its start image new
 * hashes by default, against those who choose the keys of objects: a config is trusted (SECURITY.md). Neither machine code
 * nor threads for collecting garbage pay off, and a young generation of 4 MB is not full before the end.
 */
const options = ['--no-rehash-snapshot', '--no-opt', '--no-sparkplug', '--v8-pool-size=0', '--min-semi-space-size=4']

/** What Node reads from the environment is not in the launcher's either. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_')))

/** By a rename: a command that runs meanwhile has the old file or the new one. */
const install = (from, to) => {
  const temporary = `${to}.${process.pid}`
  copyFileSync(from, temporary)
  chmodSync(temporary, 0o755)
  renameSync(temporary, to)
}

const accepted = () => spawnSync(process.execPath, [...options, '-e', '0'], { env, stdio: 'ignore' }).status === 0

/** @param commands Files that become the launcher, beside dist/nrunc. */
export const installLauncher = (commands = []) => {
  rmSync(join(root, 'dist/launch'), { force: true })
  const words = accepted() ? options : []
  writeCodeCache(root, words, env)
  const snapshot = writeSnapshot(root, words, env) ? 'snapshot' : ''
  const launcher = launchers.find(existsSync)
  if (launcher === undefined) return
  for (const command of [join(root, 'dist/nrunc'), ...commands]) install(launcher, command)
  const { size, mtimeMs } = statSync(process.execPath)
  const lines = [`${size} ${Math.floor(mtimeMs / 1000)}`, process.execPath, snapshot, ...words]
  writeFileSync(join(root, 'dist/launch'), `${lines.join('\n')}\n`)
}
