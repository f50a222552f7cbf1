/**
 * The soak benchmark in small: hundreds of starts and execs, and all kinds of work for a while, leave nothing behind.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { container, describeWith } from '../helpers/needs.ts'

type Growth = Record<string, number>
interface Report extends Record<'starts' | 'execs' | 'created' | 'running', { count: number; programs: number; growth: Growth }> {
  minutes: Growth[]
  done: Record<string, number>
}

const launcher = fileURLToPath(new URL('../../bench/run.mjs', import.meta.url))
const busy = existsSync('/run/nrunc-bench/pid') ? ' (skipped: a benchmark is running)' : ''

describeWith([...container, 'cli', 'compiler', 'mountNamespaces'], 'the soak', () => {
  test.skipIf(busy !== '')(`descriptors, processes, threads, cgroups, mounts and state do not grow${busy}`, () => {
    const words = [
      launcher, 'soak', '--starts', '200', '--at-once', '16', '--execs', '200', '--created', '20', '--running', '40', '--minutes', '0.1', '--json',
    ]
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
    expect([status, stderr.replace(/^bench: .*newest crun.*\n/, '')]).toEqual([0, ''])
    const { starts, execs, created, running, minutes, done } = JSON.parse(stdout) as Report
    for (const { growth } of [starts, execs, created, running, { growth: minutes[0] }]) {
      expect(growth).toMatchObject({ descriptors: 0, children: 0, threads: 0, cgroups: 0, mounts: 0, state: 0 })
    }
    expect(Object.values(done).every((count) => count > 0)).toBe(true)
    expect(created.programs / created.count).toBeLessThan(64) // KB of each
  }, 120_000)
})
