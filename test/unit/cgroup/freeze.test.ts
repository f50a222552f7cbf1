import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freezeCgroup, thawCgroup } from '../../../lib/cgroup/freeze.ts'

let box = ''
beforeEach(() => { box = mkdtempSync(join(tmpdir(), 'nrunc-cgroup-')) })
afterEach(() => rmSync(box, { recursive: true }))

test.each([[{ freezer: 'v1', '': 'v2' }, 'freezer.state', 'THAWED'], [{ '': 'v2' }, 'cgroup.freeze', '0']])(
  'the cgroups %j are thawed through %s', (names, file, value) => {
    writeFileSync(join(box, file), '')
    thawCgroup(Object.fromEntries(Object.keys(names).map(key => [key, box])))
    expect(readFileSync(join(box, file), 'utf8')).toBe(value)
  })

test('what is gone, or has no freezer, is no error', () => {
  thawCgroup({ freezer: join(box, 'nothing') })
  thawCgroup({ memory: box })
  thawCgroup({})
})

test('nested ones are thawed where that is asked for', () => {
  const nested = join(box, 'one/two')
  mkdirSync(nested, { recursive: true })
  for (const directory of [box, join(box, 'one'), nested]) writeFileSync(join(directory, 'freezer.state'), '')
  thawCgroup({ freezer: box })
  expect(readFileSync(join(nested, 'freezer.state'), 'utf8')).toBe('')
  thawCgroup({ freezer: box }, { nested: true })
  expect(readFileSync(join(nested, 'freezer.state'), 'utf8')).toBe('THAWED')
})

test.each([[{ freezer: 'v1', '': 'v2' }, 'freezer.state', 'FROZEN'], [{ '': 'v2' }, 'cgroup.freeze', '1']])(
  'the cgroups %j are frozen through %s', async (names, file, value) => {
    writeFileSync(join(box, file), '')
    writeFileSync(join(box, 'cgroup.events'), 'populated 1\nfrozen 1\n')
    await freezeCgroup(Object.fromEntries(Object.keys(names).map(key => [key, box])))
    expect(readFileSync(join(box, file), 'utf8')).toBe(value)
  })

test('what cannot be frozen is thawed', async () => {
  writeFileSync(join(box, 'cgroup.freeze'), '')
  await expect(freezeCgroup({ '': box })).rejects.toMatchObject({ code: 'ERR_CGROUP', errno: 'ENOENT', operand: box })
  expect(readFileSync(join(box, 'cgroup.freeze'), 'utf8')).toBe('0')
})

test('a container without cgroups cannot be frozen', async () => {
  await expect(freezeCgroup({})).rejects.toMatchObject({
    code: 'ERR_CGROUP', message: 'cannot toggle freezer: cgroups not configured for container',
  })
})
