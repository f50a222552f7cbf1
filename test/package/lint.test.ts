/**
 * `npm run lint:cc`: clang-tidy and cppcheck have nothing to say.
 */
import { describe, expect, it } from 'vitest'
import { execute, hasProgram, root } from './project.ts'

const tools = ['clang-tidy', 'cppcheck'].filter(hasProgram)

/** Those that `.clang-tidy` and scripts/lint-cc.mjs were made with: every version warns of other things. */
const tuned = { 'clang-tidy': /version 14\./, cppcheck: /^Cppcheck 2\.10/ }
const known = tools.filter((tool) => tuned[tool as keyof typeof tuned].test(execute([tool, '--version'], root).stdout))

describe.skipIf(tools.length === 0)('the C++ code (needs clang-tidy or cppcheck)', () => {
  // Minutes: not in every run of the tests.
  it.skipIf(!process.env['CI'] || known.length < tools.length)('is clean (needs CI=true; clang-tidy 14, cppcheck 2.10)', { timeout: 1_800_000 }, () => {
    const { code, stdout } = execute(['npm', 'run', '--silent', 'lint:cc'], root)
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^(lint: .*: 0 of \d+ files with warnings\n|lint: .* skipped: .*\n){2}$/) })
  })

  it('a fault is found', { timeout: 600_000 }, () => {
    const { code, stdout } = execute(['npm', 'run', '--silent', 'lint:cc', '--', 'test/fixtures/faulty.cc'], root)
    expect(code).toBe(1)
    for (const tool of tools) expect(stdout).toContain(`lint: ${tool}: 1 of 1 files with warnings`)
  })
})
