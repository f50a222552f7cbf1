// The disk with the tree that the virtual machine tests.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { attempt, Unable } from './attempt.mjs'

const project = fileURLToPath(new URL('../..', import.meta.url))
const left = new Set(['.git', 'build/Release/obj.target', 'build/Release/.deps', 'bench', 'prebuilds', 'node_modules/@typescript'])

/** Helper programs of the tests, which the machine has no compiler for. */
function buildHelpers(directory) {
  mkdirSync(directory)
  const sources = readdirSync(join(project, 'test/helpers')).filter((name) => name.endsWith('.c'))
  for (const name of sources) {
    const words = ['-O1', '-static', '-o', join(directory, name.slice(0, -2)), join(project, 'test/helpers', name)]
    if (name === 'libseccomp.c') words.push('-lseccomp')
    const problem = attempt('musl-gcc', words) === undefined ? undefined : attempt('cc', words)
    if (problem !== undefined) console.log(`vm: cannot build ${name}, which some tests need: ${problem}`)
  }
}

/**
 * What vitest makes of the modules is kept, as it takes minutes in an emulated machine. What is kept fits one directory
 * alone: there the tree is in the machine, too.
 */
function transform(tree, runs) {
  const files = Object.values(runs).flat().map((file) => `test/integration/${file}.test.ts`)
  const words = ['node_modules/vitest/vitest.mjs', 'list', '--project', 'integration', '--no-isolate', '--no-file-parallelism',
    '--experimental.fsModuleCache', ...new Set(files)]
  const env = { ...process.env, NRUNC_TEST_HELPERS: join(tree, 'helpers') }
  const problem = attempt(process.execPath, words, { cwd: tree, env, seconds: 300 })
  if (problem !== undefined) console.log(`vm: it will take longer, as the modules cannot be transformed here: ${problem}`)
}

/**
 * A disk with the tree, as it is, and with this Node, for which the command line's compiled code is. In `work`, which exists.
 *
 * @throws Unable
 */
export function makeDisk(work, runs) {
  const tree = join(work, 'tree')
  const disk = join(work, 'tree.img')
  rmSync(disk, { force: true })
  cpSync(project, tree, { recursive: true, verbatimSymlinks: true, filter: (from) => !left.has(relative(project, from)) })
  buildHelpers(join(tree, 'helpers'))
  transform(tree, runs)
  // The command line starts faster with the very Node that it was built for, which it knows by its path and time.
  cpSync(process.execPath, join(tree, 'host-node'), { preserveTimestamps: true })
  const lines = Object.entries(runs).map(([name, files]) => [name, ...files.map((file) => `${file}.test.ts`)].join(' '))
  writeFileSync(join(tree, 'runs'), `${lines.join('\n')}\n`)
  writeFileSync(join(tree, 'places'), `${tree}\n${process.execPath}\n`)
  const problem = attempt('truncate', ['-s', '1500M', disk])
    ?? attempt('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^has_journal', '-L', 'nrunc', '-d', tree, disk], { seconds: 300 })
  if (problem !== undefined) throw new Unable(`cannot make the disk: ${problem}`)
  rmSync(tree, { recursive: true })
  return disk
}

/** Content of a file of the disk, empty where there is none. */
export function readDisk(disk, path) {
  return spawnSync('debugfs', ['-R', `cat ${path}`, disk], { encoding: 'utf8', maxBuffer: 1 << 26 }).stdout ?? ''
}
