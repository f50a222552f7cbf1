/**
 * Counts the tests in the `testResults` of vitest's JSON reporter. What is neither passed nor failed counts as skipped.
 * `messages` are those of files that cannot be loaded, or whose hooks fail: they count as failed tests.
 */
export function countTests(files) {
  const count = { passed: 0, failed: 0, skipped: 0, messages: [] }
  for (const { status: fileStatus, message, assertionResults } of files) {
    for (const test of assertionResults) count[['passed', 'failed'].includes(test.status) ? test.status : 'skipped']++
    // A file that cannot be loaded, or a hook that fails, is no test of its own.
    const broken = fileStatus === 'failed' && !assertionResults.some((test) => test.status === 'failed')
    if (!broken) continue
    count.failed++
    if (message) count.messages.push(message)
  }
  return count
}
