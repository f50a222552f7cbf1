import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { recordOom } from '../../../lib/cgroup/oom-record.ts'

let directory = ''
const events = (killed: number): void => writeFileSync(join(directory, 'memory.events'), `low 0\noom_kill ${killed}\n`)
const populated = (yes: 0 | 1): void => writeFileSync(join(directory, 'cgroup.events'), `populated ${yes}\nfrozen 0\n`)
const gone = (): void => rmSync(directory, { recursive: true })

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nrunc-oom-'))
  populated(1)
  events(0)
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

test('what was seen is known when the cgroup is gone', async () => {
  const record = recordOom({ '': directory })!
  events(1)
  await expect.poll(() => record.struck()).toBe(true)
  gone()
  expect(await record.struck()).toBe(true)
})

test('a cgroup that goes, and nothing was seen', async () => {
  const record = recordOom({ '': directory })!
  expect(await record.struck()).toBe(false)
  populated(0)
  gone()
  expect(await record.struck()).toBe(false)
})

test('one that is gone already, or has nobody who counts, is not watched', () => {
  gone()
  expect(recordOom({ '': directory })).toBeUndefined()
  expect(recordOom({})).toBeUndefined()
})
