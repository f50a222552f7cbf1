/**
 * Statistics that are read while the cgroup is being removed.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { readStatistics } from '../../../lib/cgroup/statistics.ts'

const asked = vi.hoisted(() => [] as string[][])
// The first file of each cgroup is there, the others are not.
vi.mock('../../../lib/native/files.ts', () => ({
  readFiles: async (paths: readonly string[]) => {
    asked.push(paths.map((path) => path.slice(path.lastIndexOf('/') + 1)))
    return new Map(paths.map((path, at) => [path, at === 0 ? { text: '7' } : { errno: 'ENOENT' }]))
  },
}))

const directory = mkdtempSync(join(tmpdir(), 'nrunc-statistics-'))
const memory = join(directory, 'memory')
afterAll(() => rmSync(directory, { recursive: true }))
beforeEach(() => { asked.length = 0 })

test('what was not there any more is asked for again, of the next container', async () => {
  await readStatistics({ memory })
  await readStatistics({ memory })
  expect(asked[0]!.length).toBeGreaterThan(1)
  expect(asked[1]).toEqual(asked[0])
})

test('what the kernel does not have is asked for once', async () => {
  mkdirSync(memory)
  await readStatistics({ memory })
  await readStatistics({ memory })
  expect(asked[1]).toEqual([asked[0]![0]])
})
