// count.mjs REPORT STATUS: counts the tests in the report of vitest's JSON reporter, prints the line that CI reads, and
// exits 0 only when the run exited with STATUS 0, a test was executed and none failed.
import { readFileSync } from 'node:fs'

const [path, status] = process.argv.slice(2)
const text = readFileSync(path, 'utf8')
const files = text === '' ? [] : JSON.parse(text).testResults
const count = { passed: 0, failed: 0, skipped: 0 }
for (const { status: fileStatus, message, assertionResults } of files) {
  for (const test of assertionResults) count[test.status in count ? test.status : 'skipped']++
  // A file that cannot be loaded, or a hook that fails, is no test of its own.
  const broken = fileStatus === 'failed' && !assertionResults.some((test) => test.status === 'failed')
  if (!broken) continue
  count.failed++
  if (message) console.error(message)
}

let code = status === '0' && count.failed === 0 ? 0 : 1
if (status !== '0') console.error(`the test command exited with status ${status}`)
if (count.passed + count.failed === 0) {
  console.error('no test was executed')
  code = 1
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exitCode = code
