// What the runs in the virtual machine came to.

/** The lines that the reporter wrote in one run: their sums, the files that ended, and whether the run did. */
function read(lines) {
  const report = { passed: 0, failed: 0, skipped: 0, files: [], ended: false }
  for (const line of lines.split('\n').filter(Boolean).map((text) => JSON.parse(text))) {
    for (const key of ['passed', 'failed', 'skipped']) report[key] += line[key] ?? 0
    if (line.file !== undefined) report.files.push(line.file)
    if (line.end === undefined) continue
    report.ended = true
    report.failed += line.errors.length // outside of tests
  }
  return report
}

/**
 * Text for people, and the exit code: 1 when a test failed, 2 when none did but time was over before all had run.
 *
 * `reports` has the lines of each run, `problem` is why the machine was stopped. A file that did not run although
 * there was time counts as a failed test.
 */
export function summarize(runs, reports, problem) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  const lines = []
  const unfinished = []
  const counts = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`
  for (const [name, files] of Object.entries(runs)) {
    const report = read(reports[name] ?? '')
    const missing = files.filter((file) => !report.files.includes(`test/integration/${file}.test.ts`))
    if (report.ended || problem === undefined) report.failed += missing.length
    if (missing.length > 0) unfinished.push(`${name} (${missing.join(', ')})`)
    lines.push(`vm: ${name}: ${counts(report)}`)
    for (const key of Object.keys(total)) total[key] += report[key]
  }
  if (unfinished.length > 0) lines.push(`vm: unfinished: ${unfinished.join(', ')}${problem === undefined ? '' : `: ${problem}`}`)
  lines.push(`vm: ${counts(total)}`)
  return { lines, code: total.failed > 0 ? 1 : unfinished.length > 0 || total.passed === 0 ? 2 : 0 }
}
