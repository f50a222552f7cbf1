import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ResctrlHost } from '../../../lib/resctrl/host.ts'
import { updateResctrl } from '../../../lib/resctrl/update.ts'
import { thrown } from '../spec/helpers.ts'

let root = ''
let host: ResctrlHost
/** A directory of the same shape; no machine of ours has the real one. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nrunc-resctrl-'))
  mkdirSync(join(root, 'web'))
  writeFileSync(join(root, 'web/schemata'), 'L3:0=fff\nMB:0=100\n')
  host = { root, cache: true, bandwidth: true, monitoring: true }
})
afterEach(() => rmSync(root, { recursive: true }))

const of = (name: string) => readFileSync(join(root, name), 'latin1')
const update = (rdt: Parameters<typeof updateResctrl>[0], path = join(root, 'web'), pids: number[] = []) =>
  updateResctrl(rdt, 'new', host, { path, own: undefined, pids })

test('the schemata of the group are written, and taken back', () => {
  const { path, own, undo } = update({ l3CacheSchema: 'L3:0=f', memBwSchema: 'MB:0=50\n' })
  expect([path, own, of('web/schemata')]).toEqual([join(root, 'web'), undefined, 'L3:0=f\nMB:0=50\n'])
  undo()
  expect(of('web/schemata')).toBe('L3:0=fff\nMB:0=100\n')
})

test('a container without a group gets one of its own, with all its threads', () => {
  const group = update({ memBwSchema: 'MB:0=50' }, '', [process.pid])
  expect([group.path, group.own, of('new/schemata')]).toEqual([join(root, 'new'), [join(root, 'new')], 'MB:0=50\n'])
  expect(of('new/tasks')).toContain(String(process.pid))
})

test('one that cannot be written leaves no group', () => {
  rmSync(join(root, 'web/schemata'))
  mkdirSync(join(root, 'web/schemata'))
  expect(thrown(() => update({ memBwSchema: 'MB:0=50' }))).toMatchObject({ code: 'ERR_HOST', errno: 'EISDIR', operand: join(root, 'web') })
  expect(thrown(() => update({ memBwSchema: 'MB:0=50' }, '', [-1]))).toMatchObject({ code: 'ERR_HOST', errno: 'ENOENT' })
  expect(existsSync(join(root, 'new'))).toBe(false)
})

test.each([
  [{ l3CacheSchema: 'L3:0=f' }, { cache: false }, 'Intel RDT/CAT: l3 cache schema is not enabled'],
  [{ memBwSchema: 'MB:0=5' }, { bandwidth: false }, 'Intel RDT/MBA: memory bandwidth schema is not enabled'],
])('%j on a host without it', (rdt, lacks, message) => {
  for (const where of [{ ...host, ...lacks }, undefined]) {
    expect(thrown(() => updateResctrl(rdt, 'new', where, { path: '', own: undefined, pids: [] }))).toMatchObject({ code: 'ERR_HOST', message })
  }
})
