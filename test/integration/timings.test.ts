/**
 * When the steps of a start happened, from the library and from the command line.
 */
import { expect, test } from 'vitest'
import type { Timings } from '../../lib/index.ts'
import { useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

/** The names of the steps, each once. */
const names = ({ steps }: Pick<Timings, 'steps'>): string[] => [...new Set(steps.map(({ step }) => step))]

const always = ['config', 'lock', 'plan', 'makeCgroup', 'clone', 'mount', 'pivotRoot']

describeWith([...container, 'cli'], 'timings', () => {
  const sandbox = useSandbox()

  test('every step of a start has its time, and none lies outside of it', async () => {
    const before = process.hrtime.bigint()
    const made = await sandbox.run(['true'])
    const after = process.hrtime.bigint()
    await made.wait()
    const timings = made.timings!
    expect(names(timings)).toEqual(expect.arrayContaining([...always, 'execute']))
    expect(timings.begin).toBeGreaterThanOrEqual(before)
    for (const { start, duration } of timings.steps) {
      expect(start).toBeGreaterThanOrEqual(0)
      expect(duration).toBeGreaterThanOrEqual(0)
      expect(start + duration).toBeLessThanOrEqual(timings.total)
    }
    expect(timings.begin + BigInt(Math.floor(timings.total * 1e6))).toBeLessThanOrEqual(after)
    const starts = timings.steps.map(({ start }) => start)
    expect(starts).toEqual([...starts].sort((one, other) => one - other))
  })

  test('clone, id maps, cgroup, mounts, pivot, a filter that is loaded before the start', async () => {
    const made = await sandbox.create(['true'], ({ linux }) => {
      linux.namespaces.push({ type: 'user' })
      linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }]
      linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['personality'], action: 'SCMP_ACT_NOTIFY' }] }
    }, { seccompNotify: () => ({ continue: true }) })
    await made.start()
    await made.wait()
    expect(names(made.timings!)).toEqual(expect.arrayContaining(['clone', 'mapIds', 'makeCgroup', 'joinCgroup', 'mount', 'pivotRoot', 'seccomp', 'awaitStart']))
  })

  test('a created container has all but the exec; one that was loaded has none', async () => {
    const made = await sandbox.create(['true'])
    expect(names(made.timings!)).toEqual(expect.arrayContaining(always))
    expect(names(made.timings!)).not.toContain('execute')
    expect((await sandbox.runtime.load(made.id)).timings).toBe(null)
  })

  test('run --timings writes text, --timings=json one line of JSON, to the standard error', async () => {
    const text = sandbox.bundle(['echo', 'out'])
    const first = await sandbox.nrunc(['run', '--timings', '-b', text.bundle, text.id])
    expect([first.code, first.stdout]).toEqual([0, 'out\n'])
    expect(first.stderr).toMatch(/^ *0\.000 +\d+\.\d{3} {2}node {2}config$/m)
    expect(first.stderr).toMatch(/ total\n$/)
    const json = sandbox.bundle(['echo', 'out'])
    const second = await sandbox.nrunc(['run', '--timings=json', '-b', json.bundle, json.id])
    expect(names(JSON.parse(second.stderr) as Timings)).toEqual(expect.arrayContaining([...always, 'execute']))
  })

  test('run --timings=other is refused before anything is made', async () => {
    const { id, bundle } = sandbox.bundle(['true'])
    const result = await sandbox.nrunc(['run', '--timings=other', '-b', bundle, id])
    expect([result.code, result.stderr]).toEqual([1, expect.stringMatching(/invalid value .*other.* for flag -timings/)])
    expect(await sandbox.runtime.list()).toEqual([])
  })
})
