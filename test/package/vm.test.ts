/**
 * What is run in the virtual machine, and what is said about it.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from './project.ts'

type Runs = Readonly<Record<string, readonly string[]>>
const script = (name: string): Promise<unknown> => import(join(root, 'scripts/vm', name))
const { chosenRuns, runs } = await script('runs.mjs') as { chosenRuns(words: readonly string[]): Runs, runs: Runs }
const { failedFiles, replaceReports, summarize } = await script('summary.mjs') as {
  failedFiles(runs: Runs, reports: Record<string, string>): Runs
  replaceReports(reports: Record<string, string>, again: Runs, later: Record<string, string>): Record<string, string>
  summarize(runs: Runs, reports: Record<string, string>, problem: string | undefined): { lines: string[], code: number }
}

const file = (name: string, passed: number, failed = 0, skipped = 0) =>
  JSON.stringify({ file: `test/integration/${name}.test.ts`, passed, failed, skipped })
const end = (...errors: string[]) => JSON.stringify({ end: 'passed', errors })
const report = (...lines: string[]) => lines.map((line) => `${line}\n`).join('')
const chosen = { user: ['one'], root: ['two', 'three'] }

it('every file that is named is there', () => {
  const files = Object.values(runs).flat()
  expect(files.filter((name) => !existsSync(join(root, `test/integration/${name}.test.ts`)))).toEqual([])
})

it.each([
  [[], runs],
  [['one', 'two.test.ts'], { root: ['one', 'two'] }],
  [['user', 'one', 'root', 'two'], { user: ['one'], root: ['two'] }],
  [['user'], { user: runs['user'] }],
])('%j', (words, result) => expect(chosenRuns(words)).toEqual(result))

it('all passed', () => {
  const reports = { user: report(file('one', 3), end()), root: report(file('two', 2, 0, 1), file('three', 1), end()) }
  expect(summarize(chosen, reports, undefined)).toEqual({ code: 0, lines: [
    'vm: user: 3 passed, 0 failed, 0 skipped', 'vm: root: 3 passed, 0 failed, 1 skipped', 'vm: 6 passed, 0 failed, 1 skipped',
  ] })
})

it('time was over: what is missing is named, and no failure', () => {
  const reports = { user: report(file('one', 3), end()), root: report(file('two', 2)) }
  expect(summarize(chosen, reports, 'it took more than 9 s')).toMatchObject({ code: 2, lines: expect.arrayContaining([
    'vm: unfinished: root (three): it took more than 9 s', 'vm: 5 passed, 0 failed, 0 skipped',
  ]) })
  reports.root = report(file('two', 2, 1))
  expect(summarize(chosen, reports, 'it took more than 9 s').code).toBe(1)
})

it('a file that was not run although there was time is a failure, and so is an error outside of tests', () => {
  const user = report(file('one', 3), end())
  expect(summarize(chosen, { user }, undefined)).toMatchObject({ code: 1, lines: expect.arrayContaining(['vm: 3 passed, 2 failed, 0 skipped']) })
  expect(summarize(chosen, { user, root: report(file('two', 1), end()) }, 'it took more than 9 s').code).toBe(1)
  expect(summarize(chosen, { user, root: report(file('two', 1), file('three', 1), end('unhandled')) }, undefined).code).toBe(1)
})

it('what fails is named, to be tried once more', () => {
  const reports = { user: report(file('one', 3), end()), root: report(file('two', 2, 1), file('three', 1), end()) }
  expect(failedFiles(chosen, reports)).toEqual({ root: ['two'] })
  expect(failedFiles(chosen, { ...reports, user: report(file('one', 3), end('unhandled')) })).toEqual({ user: ['one'], root: ['two'] })
  expect(failedFiles(chosen, { user: reports.user })).toEqual({})
})

it('what it came to then counts instead', () => {
  const reports = { user: report(file('one', 3), end()), root: report(file('two', 2, 1), file('three', 1), end('unhandled')) }
  const again = { root: ['two', 'three'] }
  const passes = replaceReports(reports, again, { root: report(file('two', 3), file('three', 1), end()) })
  expect(summarize(chosen, passes, undefined)).toMatchObject({ code: 0, lines: expect.arrayContaining(['vm: 7 passed, 0 failed, 0 skipped']) })
  const fails = replaceReports(reports, again, { root: report(file('two', 2, 1), file('three', 1), end()) })
  expect(summarize(chosen, fails, undefined)).toMatchObject({ code: 1, lines: expect.arrayContaining(['vm: 6 passed, 1 failed, 0 skipped']) })
})

it('what was not reached then is as it was', () => {
  const reports = { user: report(file('one', 3), end()), root: report(file('two', 2, 1), file('three', 1), end('unhandled')) }
  const stopped = replaceReports(reports, { root: ['two', 'three'] }, { root: report(file('two', 3)) })
  expect(summarize(chosen, stopped, undefined)).toMatchObject({ code: 1, lines: expect.arrayContaining(['vm: 7 passed, 1 failed, 0 skipped']) })
  expect(replaceReports(reports, { root: ['two'] }, {})).toEqual(reports)
})
