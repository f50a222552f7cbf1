// count.mjs REPORT STATUS: counts the tests in the report of vitest's JSON reporter, prints the line that CI reads, and
// exits 0 only when the run exited with STATUS 0, a test was executed and none failed.
import { readFileSync } from 'node:fs'
import { countTests } from '../scripts/count-tests.mjs'

const [path, status] = process.argv.slice(2)
const text = readFileSync(path, 'utf8')
const files = text === '' ? [] : JSON.parse(text).testResults
const count = countTests(files)
for (const message of count.messages) console.error(message)

let code = status === '0' && count.failed === 0 ? 0 : 1
if (status !== '0') console.error(`the test command exited with status ${status}`)
if (count.passed + count.failed === 0) {
  console.error('no test was executed')
  code = 1
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exitCode = code
