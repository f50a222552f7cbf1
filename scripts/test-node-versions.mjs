// node scripts/test-node-versions.mjs [VERSION...] [-- WORDS OF VITEST...]
// Runs the tests (all of `unit` and `integration`, or what the words say) on other versions of Node, the command line
// included: each in a copy of the tree, whose launcher and compiled code are made for that version. The build is shared.
// That version comes first in PATH: it is `node` for npm too.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installNode, versions } from './node-versions.mjs'

const words = process.argv.slice(2)
const at = words.includes('--') ? words.indexOf('--') : words.length
const wanted = at === 0 ? versions : words.slice(0, at)
const rest = at + 1 < words.length ? words.slice(at + 1) : ['--project', 'unit', '--project', 'integration']
const root = fileURLToPath(new URL('..', import.meta.url))
const shared = ['node_modules', 'build']
const results = []

const copyTree = () => {
  const tree = mkdtempSync(join(tmpdir(), 'nrunc-tree-'))
  chmodSync(tree, 0o755) // for the tests of other users
  const own = (path) => ![...shared, '.git'].includes(relative(root, path).split('/')[0])
  cpSync(root, tree, { recursive: true, filter: own })
  for (const name of shared) symlinkSync(join(root, name), join(tree, name))
  return tree
}

for (const version of wanted) {
  const { path, reason, remove } = installNode(version)
  if (path === undefined) {
    results.push([version, `not tested: ${reason}`])
    continue
  }
  const tree = copyTree()
  try {
    const env = { ...process.env, PATH: `${dirname(path)}${delimiter}${process.env.PATH}` }
    const run = (...args) => spawnSync(path, args, { cwd: tree, env, stdio: 'inherit' }).status
    const name = spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim()
    run('--input-type=module', '-e', "import { installLauncher } from './scripts/launcher.mjs'; installLauncher()")
    const status = run('node_modules/vitest/vitest.mjs', 'run', ...rest)
    results.push([name, status === 0 ? 'passed' : `failed (${status})`])
  } finally {
    rmSync(tree, { recursive: true, force: true })
    remove()
  }
}
for (const [name, result] of results) console.log(`${name}: ${result}`)
process.exitCode = results.every(([, result]) => result === 'passed') ? 0 : 1
