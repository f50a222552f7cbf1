/**
 * The line with which a CI run ends.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { execute, root, Scratch } from './project.ts'

const scratch = new Scratch()
afterAll(() => scratch.remove())

const file = (status: string, ...tests: string[]) =>
  ({ status, message: '', assertionResults: tests.map((test) => ({ status: test })) })

const count = (report: unknown, status: number, machine = 'vm: not run: NRUNC_CI_VM=0\n') => {
  const path = join(scratch.path, 'report.json')
  const output = join(scratch.path, 'output')
  writeFileSync(path, report === undefined ? '' : JSON.stringify(report))
  writeFileSync(output, machine)
  const { code, stdout } = execute(['node', join(root, '.ci/count.mjs'), path, String(status), output], root)
  return { code, line: stdout.trim().split('\n').at(-1) }
}

it('counts what passed, failed and was skipped', () => {
  const good = file('passed', 'passed', 'passed', 'skipped')
  const report = { testResults: [good, file('failed', 'failed', 'pending', 'todo')] }
  expect(count(report, 1)).toEqual({ code: 1, line: '2 passed, 1 failed, 3 skipped' })
})

it('is content with tests that passed', () => {
  const report = { testResults: [file('passed', 'passed')] }
  expect(count(report, 0)).toEqual({ code: 0, line: '1 passed, 0 failed, 0 skipped' })
})

it('fails when a file of tests cannot be loaded', () => {
  const report = { testResults: [file('passed', 'passed'), file('failed')] }
  expect(count(report, 0)).toEqual({ code: 1, line: '1 passed, 1 failed, 0 skipped' })
})

it('fails when the command failed, whatever was counted', () => {
  expect(count({ testResults: [file('passed', 'passed')] }, 2).code).toBe(1)
})

it.each([['every test was skipped', { testResults: [file('passed', 'skipped')] }], ['there is no report', undefined]])(
  'fails when %s', (_, report) => { expect(count(report, 0).code).toBe(1) })

it('adds what ran in the virtual machine, and says what did not', () => {
  const report = { testResults: [file('passed', 'passed', 'skipped')] }
  expect(count(report, 0, 'x\nvm: root: 5 passed, 0 failed, 2 skipped\nvm: 7 passed, 0 failed, 2 skipped\n'))
    .toEqual({ code: 0, line: '8 passed, 0 failed, 3 skipped' })
  expect(count(report, 0, 'vm: 7 passed, 1 failed, 2 skipped\n')).toEqual({ code: 1, line: '8 passed, 1 failed, 3 skipped' })
  expect(count(report, 0, 'vm: not run: no QEMU\n')).toEqual({ code: 0, line: '1 passed, 0 failed, 1 skipped' })
  expect(count(report, 0, 'Error: it cannot make the disk\n').code).toBe(1)
})
