// count.mjs DIRECTORY STATUS: counts the tests of a CI run, prints the line that CI reads, and exits 0 only when the last
// test command exited with STATUS 0, a test was executed and none failed. DIRECTORY holds `report`, of vitest's JSON
// reporter; `again`, that of the files that were tried once more; `vm`, the output of `npm run test:vm`, whose tests
// count too. What failed, at first or for good, has a line of its own, and so has what could not be run.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { countTests, failures } from '../scripts/count-tests.mjs'

const [directory, status] = process.argv.slice(2)
const read = (name) => (existsSync(join(directory, name)) ? readFileSync(join(directory, name), 'utf8') : '')
const results = (name) => (read(name) === '' ? [] : JSON.parse(read(name)).testResults)

const first = results('report')
const again = results('again')
const files = [...first.filter(({ name }) => !again.some((file) => file.name === name)), ...again]
const count = countTests(files)
if (again.length > 0) for (const text of failures(first)) console.log(`failed at first: ${text}`)
for (const text of failures(files)) console.log(`failed: ${text}`)

const lines = read('vm').split('\n')
for (const line of lines.filter((text) => /^vm: (not run|unfinished|once more): /.test(text))) console.log(line)
const numbers = lines.map((line) => /^vm: (\d+) passed, (\d+) failed, (\d+) skipped$/.exec(line)).findLast(Boolean)
// It says either that it was not run, or what it came to.
if (!numbers && !lines.some((line) => line.startsWith('vm: not run: '))) {
  console.error('the tests in the virtual machine ended without a result')
  count.failed++
}
if (numbers) {
  console.log(`in the virtual machine: ${numbers.slice(1).map(Number).reduce((sum, one) => sum + one)} of the tests`)
  for (const [at, key] of ['passed', 'failed', 'skipped'].entries()) count[key] += Number(numbers[at + 1])
}

let code = status === '0' && count.failed === 0 ? 0 : 1
if (status !== '0') console.error(`the test command exited with status ${status}`)
if (count.passed + count.failed === 0) {
  console.error('no test was executed')
  code = 1
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exitCode = code
