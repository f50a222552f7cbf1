/** A file that cannot be loaded, or whose hooks fail, without a test that failed. */
const broken = ({ status, assertionResults }) =>
  status === 'failed' && !assertionResults.some((test) => test.status === 'failed')

/**
 * Counts the tests in the `testResults` of vitest's JSON reporter. What is neither passed nor failed counts as skipped,
 * and a file that is broken outside of its tests as one failed test.
 */
export function countTests(files) {
  const count = { passed: 0, failed: 0, skipped: 0 }
  for (const file of files) {
    for (const { status } of file.assertionResults) count[['passed', 'failed'].includes(status) ? status : 'skipped']++
    if (broken(file)) count.failed++
  }
  return count
}

/** What failed in these `testResults`, a line each: file, test, and the first line of what was said. */
export function failures(files) {
  const line = (file, name, message = '') =>
    [file.name?.replace(/^.*\/(?=(test|bench)\/)/, ''), name, message.split('\n')[0]].filter(Boolean).join(': ')
  return files.flatMap((file) => [
    ...file.assertionResults.filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => line(file, fullName, failureMessages?.[0])),
    ...(broken(file) ? [line(file, '', file.message)] : []),
  ])
}
