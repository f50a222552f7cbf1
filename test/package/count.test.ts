/**
 * The line with which a CI run ends.
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { execute, root, Scratch } from './project.ts'

const scratch = new Scratch()
afterAll(() => scratch.remove())

const file = (status: string, ...tests: string[]) =>
  ({ status, message: '', assertionResults: tests.map((test) => ({ status: test })) })
const named = (name: string, ...tests: ('passed' | 'failed')[]) => ({
  name: `/checkout/test/unit/${name}.test.ts`,
  status: tests.includes('failed') ? 'failed' : 'passed',
  assertionResults: tests.map((status, at) => ({ status, fullName: `test ${at}`, failureMessages: status === 'failed' ? ['Error: no\n at x'] : [] })),
})

const notRun = 'vm: not run: NRUNC_CI_VM=0\n'
const count = (report: unknown, status: number, machine = notRun, again?: unknown) => {
  const directory = mkdtempSync(join(scratch.path, 'run-'))
  const json = (value: unknown) => (value === undefined ? '' : JSON.stringify(value))
  writeFileSync(join(directory, 'report'), json(report))
  writeFileSync(join(directory, 'again'), json(again))
  writeFileSync(join(directory, 'vm'), machine)
  const { code, stdout } = execute(['node', join(root, '.ci/count.mjs'), directory, String(status)], root)
  const lines = stdout.trim().split('\n')
  return { code, line: lines.at(-1), failures: lines.filter((text) => text.startsWith('failed')) }
}

it('counts what passed, failed and was skipped', () => {
  const good = file('passed', 'passed', 'passed', 'skipped')
  const report = { testResults: [good, file('failed', 'failed', 'pending', 'todo')] }
  expect(count(report, 1)).toMatchObject({ code: 1, line: '2 passed, 1 failed, 3 skipped' })
})

it('is content with tests that passed', () => {
  const report = { testResults: [file('passed', 'passed')] }
  expect(count(report, 0)).toMatchObject({ code: 0, line: '1 passed, 0 failed, 0 skipped' })
})

it('fails when a file of tests cannot be loaded', () => {
  const report = { testResults: [file('passed', 'passed'), file('failed')] }
  expect(count(report, 0)).toMatchObject({ code: 1, line: '1 passed, 1 failed, 0 skipped' })
})

it('fails when the command failed, whatever was counted', () => {
  expect(count({ testResults: [file('passed', 'passed')] }, 2).code).toBe(1)
})

it.each([['every test was skipped', { testResults: [file('passed', 'skipped')] }], ['there is no report', undefined]])(
  'fails when %s', (_, report) => { expect(count(report, 0).code).toBe(1) })

it('adds what ran in the virtual machine, and says what did not', () => {
  const report = { testResults: [file('passed', 'passed', 'skipped')] }
  expect(count(report, 0, 'x\nvm: root: 5 passed, 0 failed, 2 skipped\nvm: 7 passed, 0 failed, 2 skipped\n'))
    .toMatchObject({ code: 0, line: '8 passed, 0 failed, 3 skipped' })
  expect(count(report, 0, 'vm: 7 passed, 1 failed, 2 skipped\n')).toMatchObject({ code: 1, line: '8 passed, 1 failed, 3 skipped' })
  expect(count(report, 0, 'vm: not run: no QEMU\n')).toMatchObject({ code: 0, line: '1 passed, 0 failed, 1 skipped' })
  expect(count(report, 0, 'Error: it cannot make the disk\n').code).toBe(1)
})

it('names what failed, and what failed only at first', () => {
  const report = { testResults: [named('a', 'passed'), named('b', 'failed', 'passed')] }
  expect(count(report, 1)).toEqual({
    code: 1, line: '2 passed, 1 failed, 0 skipped', failures: ['failed: test/unit/b.test.ts: test 0: Error: no'],
  })
  expect(count(report, 0, notRun, { testResults: [named('b', 'passed', 'passed')] })).toEqual({
    code: 0, line: '3 passed, 0 failed, 0 skipped', failures: ['failed at first: test/unit/b.test.ts: test 0: Error: no'],
  })
  expect(count(report, 1, notRun, { testResults: [named('b', 'failed', 'passed')] })).toMatchObject({ code: 1, line: '2 passed, 1 failed, 0 skipped' })
})
