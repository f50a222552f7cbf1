import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { oomKillCount } from '../../../lib/cgroup/oom.ts'

let box = ''
beforeEach(() => { box = mkdtempSync(join(tmpdir(), 'nrunc-cgroup-')) })
afterEach(() => rmSync(box, { recursive: true }))

test('the processes that the OOM killer has ended, on either version', async () => {
  writeFileSync(join(box, 'memory.oom_control'), 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n')
  writeFileSync(join(box, 'memory.events'), 'low 0\noom 9\noom_kill 2\noom_group_kill 0\n')
  expect(await oomKillCount({ memory: box })).toBe(3)
  expect(await oomKillCount({ '': box })).toBe(2)
  expect(await oomKillCount({ memory: box, '': '/nowhere' })).toBe(3)
})

test('none where nobody counts', async () => {
  expect(await Promise.all([{}, { '': box }, { memory: '/nowhere' }].map(oomKillCount))).toEqual([0, 0, 0])
})
