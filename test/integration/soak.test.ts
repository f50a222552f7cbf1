/**
 * The soak benchmark in small: hundreds of starts leave nothing behind.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { container, describeWith } from '../helpers/needs.ts'

const launcher = fileURLToPath(new URL('../../bench/run.mjs', import.meta.url))
const busy = existsSync('/run/nrunc-bench/pid') ? ' (skipped: a benchmark is running)' : ''

describeWith([...container, 'cli', 'compiler', 'mountNamespaces'], 'the soak', () => {
  test.skipIf(busy !== '')(`descriptors, processes, cgroups, mounts and state do not grow${busy}`, () => {
    const words = [launcher, 'soak', '--starts', '200', '--at-once', '16', '--created', '20', '--json']
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
    expect([status, stderr.replace(/^bench: .*newest crun.*\n/, '')]).toEqual([0, ''])
    const { growth, created } = JSON.parse(stdout) as { growth: Record<string, number>; created: { count: number; inits: number } }
    expect(growth).toMatchObject({ descriptors: 0, children: 0, cgroups: 0, mounts: 0, state: 0 })
    expect(created.inits / created.count).toBeLessThan(64) // KB of each
  }, 120_000)
})
