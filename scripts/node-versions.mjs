// Other versions of Node, from the npm package `node`, each in a directory of its own that is removed afterwards.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const versions = ['20', '22', '24', '26']

/** Path of the program, or why it cannot be had; `remove` takes it away. */
export function installNode(version) {
  const directory = mkdtempSync(join(tmpdir(), `node-${version}-`))
  chmodSync(directory, 0o755) // tests run it as other users, who would get the system's
  const remove = () => rmSync(directory, { recursive: true, force: true })
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n')
  const words = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts=false', `node@${version}`]
  const { status, stderr, error } = spawnSync('npm', words, { cwd: directory, encoding: 'utf8', timeout: 180_000 })
  const own = join(directory, 'node_modules/node')
  // The first has the headers of that version beside it.
  const paths = [join(own, `node_modules/node-linux-${process.arch}/bin/node`), join(own, 'bin/node')]
  const path = paths.find(existsSync)
  if (status === 0 && path !== undefined) return { path, remove }
  remove()
  const reason = error?.message ?? stderr.split('\n').find((line) => line.includes('npm error')) ?? `npm exited with code ${status}`
  return { reason: `the package node@${version} cannot be installed: ${reason}`, remove }
}
