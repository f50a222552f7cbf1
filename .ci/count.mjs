// count.mjs REPORT STATUS OUTPUT: counts the tests in the report of vitest's JSON reporter, prints the line that CI
// reads, and exits 0 only when the run exited with STATUS 0, a test was executed and none failed. OUTPUT is that of
// `npm run test:vm`, whose tests count too; where they could not be run, or not all, a line says so.
import { readFileSync } from 'node:fs'
import { countTests } from '../scripts/count-tests.mjs'

const [path, status, machine] = process.argv.slice(2)
const text = readFileSync(path, 'utf8')
const files = text === '' ? [] : JSON.parse(text).testResults
const count = countTests(files)
for (const message of count.messages) console.error(message)
const lines = readFileSync(machine, 'utf8').split('\n')
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
