import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { thawCgroup } from '../../../lib/cgroup/freeze.ts'

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
