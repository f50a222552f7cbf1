// What the runs in the virtual machine came to. `runs` are names with their files, `reports` the lines of each run.

const parse = (text = '') => text.split('\n').filter(Boolean).map((line) => JSON.parse(line))
const path = (file) => `test/integration/${file}.test.ts`

/** The lines that the reporter wrote in one run: their sums, the files that ended, and whether the run did. */
function read(text) {
  const report = { passed: 0, failed: 0, skipped: 0, files: [], ended: false }
  for (const line of parse(text)) {
    for (const key of ['passed', 'failed', 'skipped']) report[key] += line[key] ?? 0
    if (line.file !== undefined) report.files.push(line.file)
    if (line.end === undefined) continue
    report.ended = true
    report.failed += line.errors.length // outside of tests
  }
  return report
}

/** The files with a test that failed, or all of a run with an error outside of tests. */
export function failedFiles(runs, reports) {
  const failed = Object.entries(runs).map(([name, files]) => {
    const lines = parse(reports[name])
    const all = lines.some(({ errors }) => errors?.length > 0)
    return [name, files.filter((file) => all || lines.some((line) => line.file === path(file) && line.failed > 0))]
  })
  return Object.fromEntries(failed.filter(([, files]) => files.length > 0))
}

/** The reports after the files of AGAIN ran once more: what those that ended came to now, instead of what they did then. */
export function replaceReports(reports, again, later) {
  const entries = Object.entries(reports).map(([name, text]) => {
    const fresh = parse(later[name])
    const over = new Set(fresh.flatMap(({ file }) => file ?? []))
    const complete = again[name]?.every((file) => over.has(path(file))) && fresh.some(({ end }) => end !== undefined)
    const kept = parse(text).filter(({ file, end }) => !over.has(file) && !(complete && end !== undefined))
    return [name, [...kept, ...fresh.filter(({ file }) => file !== undefined || complete)].map((line) => `${JSON.stringify(line)}\n`).join('')]
  })
  return Object.fromEntries(entries)
}

/**
 * Text for people, and the exit code: 1 when a test failed, 2 when none did but time was over before all had run.
 *
 * `problem` is why the machine was stopped. A file that did not run although there was time counts as a failed test.
 */
export function summarize(runs, reports, problem) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  const lines = []
  const unfinished = []
  const counts = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`
  for (const [name, files] of Object.entries(runs)) {
    const report = read(reports[name])
    const missing = files.filter((file) => !report.files.includes(path(file)))
    if (report.ended || problem === undefined) report.failed += missing.length
    if (missing.length > 0) unfinished.push(`${name} (${missing.join(', ')})`)
    lines.push(`vm: ${name}: ${counts(report)}`)
    for (const key of Object.keys(total)) total[key] += report[key]
  }
  if (unfinished.length > 0) lines.push(`vm: unfinished: ${unfinished.join(', ')}${problem === undefined ? '' : `: ${problem}`}`)
  lines.push(`vm: ${counts(total)}`)
  return { lines, code: total.failed > 0 ? 1 : unfinished.length > 0 || total.passed === 0 ? 2 : 0 }
}
