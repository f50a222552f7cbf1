// node scripts/test-node-versions.mjs [VERSION...] [-- WORDS OF VITEST...]
// Runs the tests (all of `unit` and `integration`, or what the words say) on other versions of Node.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { installNode, versions } from './node-versions.mjs'

const words = process.argv.slice(2)
const at = words.includes('--') ? words.indexOf('--') : words.length
const wanted = at === 0 ? versions : words.slice(0, at)
const rest = at + 1 < words.length ? words.slice(at + 1) : ['--project', 'unit', '--project', 'integration']
const root = fileURLToPath(new URL('..', import.meta.url))
const results = []

for (const version of wanted) {
  const { path, reason, remove } = installNode(version)
  if (path === undefined) {
    results.push([version, `not tested: ${reason}`])
    continue
  }
  try {
    const name = spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim()
    const { status } = spawnSync(path, ['node_modules/vitest/vitest.mjs', 'run', ...rest], { cwd: root, stdio: 'inherit' })
    results.push([name, status === 0 ? 'passed' : `failed (${status})`])
  } finally {
    remove()
  }
}
for (const [name, result] of results) console.log(`${name}: ${result}`)
process.exitCode = results.every(([, result]) => result === 'passed') ? 0 : 1
