// `npm run test:guards [-- WORDS]`: takes out one guard after the other (test/guards/), in a copy of the tree, and sees whether
// its tests fail. With WORDS those alone whose name has one of them in it. Half a minute to two for each guard.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const copy = mkdtempSync(join(tmpdir(), 'nrunc-guards-'))
process.once('exit', () => rmSync(copy, { recursive: true }))

/** @returns {Promise<readonly import('../test/guards/guard.ts').Guard[]>} */
async function load() {
  const { outputFiles: [bundle] } = await build({
    entryPoints: [join(root, 'test/guards/table.ts')], bundle: true, write: false, platform: 'node', format: 'esm',
  })
  return (await import(`data:text/javascript;base64,${Buffer.from(bundle.contents).toString('base64')}`)).guards
}

const run = (program, words, options = {}) => {
  const { status, stdout, stderr, error } = spawnSync(program, words, { cwd: copy, encoding: 'utf8', maxBuffer: 1 << 28, timeout: 1_200_000, ...options })
  if (error !== undefined && error.code !== 'ETIMEDOUT') throw error
  return { status, text: `${stdout}${stderr}` }
}

function mustRun(program, ...words) {
  const { status, text } = run(program, words)
  if (status !== 0) throw new Error(`${[program, ...words].join(' ')} failed in ${copy}:\n${text}`)
}

function makeCopy() {
  const { stdout } = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  for (const name of stdout.split('\0')) {
    if (name !== '' && existsSync(join(root, name))) cpSync(join(root, name), join(copy, name))
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  mustRun(process.execPath, 'scripts/build.mjs')
}

const isAddon = ([file]) => file.startsWith('addon/')

/** Whether what is built lacks a guard. */
const lacking = { addon: false, commandLine: false }

function rebuild({ changes, commandLine = false }) {
  const now = new Date()
  const [addon, library] = [changes.some(isAddon), commandLine && !changes.every(isAddon)]
  if (addon || lacking.addon) {
    utimesSync(join(copy, 'addon/host/embedded.S'), now, now) // init is part of the addon
    mustRun('make', '-C', 'build', 'BUILDTYPE=Release')
  }
  if (library || (commandLine && lacking.commandLine)) mustRun(process.execPath, 'scripts/build.mjs', '--no-addon')
  lacking.addon = addon
  lacking.commandLine = library || (lacking.commandLine && !commandLine)
}

/** The tests of PROJECT among FILES that fail. A run that hangs or breaks is none that has shown anything. */
function failing(project, files, { title, rounds }) {
  if (files.length === 0) return []
  const report = join(copy, 'report.json')
  rmSync(report, { force: true })
  const words = ['node_modules/vitest/vitest.mjs', 'run', '--project', project, '--testTimeout', '60000', '--reporter', 'json', '--outputFile', report,
    ...files.map((file) => `test/${file}`), ...(title === undefined ? [] : ['-t', title])]
  const { text } = run(process.execPath, words, { env: { ...process.env, ...(rounds === undefined ? {} : { NRUNC_TEST_ROUNDS: String(rounds) }) } })
  if (!existsSync(report)) throw new Error(`no result:\n${text.slice(-2000)}`)
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
  if (!tests.some(({ status }) => status === 'passed' || status === 'failed')) throw new Error('all tests were skipped')
  return tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName)
}

/** @returns the tests that fail without the guard */
function tryWithout(guard) {
  const before = new Map(guard.changes.map(([file]) => [file, readFileSync(join(copy, file), 'utf8')]))
  try {
    for (const [file, text, without] of guard.changes) {
      const now = readFileSync(join(copy, file), 'utf8')
      if (now.split(text).length !== 2) throw new Error(`${file} does not have it once: ${text}`)
      writeFileSync(join(copy, file), now.replace(text, () => without))
    }
    rebuild(guard)
    const isUnit = (file) => file.startsWith('unit/')
    return [...failing('unit', guard.tests.filter(isUnit), guard), ...failing('integration', guard.tests.filter((file) => !isUnit(file)), guard)]
  } finally {
    for (const [file, text] of before) writeFileSync(join(copy, file), text)
  }
}

const words = process.argv.slice(2)
const guards = (await load()).filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
makeCopy()
let missed = 0
for (const guard of guards) {
  const began = Date.now()
  let outcome
  try {
    const failed = tryWithout(guard)
    outcome = failed.length > 0 ? `${failed.length} fail: ${failed[0]}` : 'NO TEST FAILS'
    if (failed.length === 0) missed++
  } catch (error) {
    outcome = `NOT TRIED: ${error.message}`
    missed++
  }
  console.log(`${guard.name} (${Math.round((Date.now() - began) / 1000)} s): ${outcome}`)
}
console.log(`${guards.length - missed} of ${guards.length} guards have a test that fails without them`)
process.exitCode = missed === 0 ? 0 : 1
