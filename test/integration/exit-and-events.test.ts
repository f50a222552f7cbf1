/**
 * How a container ended and what it used; its events; statistics again and again.
 */
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { Statistics } from '../../lib/index.ts'
import { bySystemd, cgroupsPathOf, hierarchyOf, lackingPressureLevels } from '../helpers/cgroup.ts'
import { hasPressure } from '../helpers/cgroup2.ts'
import { rejection, type Sandbox, useSandbox } from '../helpers/containers.ts'
import { until } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

/** Takes more memory than it may have. systemd removes a cgroup with its last process: that one is not the one that was killed. */
const greedy = ['sh', '-c', bySystemd ? 'tail /dev/zero; sleep 2; exit 3' : 'tail /dev/zero; exit 3']
const small: Parameters<Sandbox['spec']>[1] = ({ linux }) => { linux.resources = { ...linux.resources, memory: { limit: 20 << 20, swap: 20 << 20 } } }

/** Fewer on a machine that is emulated. */
const many = Number(process.env['NRUNC_TEST_CONTAINERS'] ?? 1000)

describeWith(container, 'the end of a container', () => {
  const sandbox = useSandbox()

  test('of one that was short of memory', async () => {
    const made = await sandbox.run(greedy, small)
    const exit = await made.wait()
    expect(exit).toMatchObject({ code: 3, oomKilled: true })
    if (!bySystemd) expect(exit.stats!.memory.oomKills).toBeGreaterThan(0)
  })

  test('of one that was not', async () => {
    const made = await sandbox.run(['true'], small)
    const exit = await made.wait()
    expect(exit).toMatchObject({ code: 0, signal: null, oomKilled: false })
    if (bySystemd) return
    expect(Number(exit.stats!.cpu.usage.total)).toBeGreaterThan(0)
    expect(Number(exit.stats!.memory.usage.limit)).toBe(20 << 20)
  })

  test('does not change when the container is deleted', async () => {
    const made = await sandbox.run(greedy, small)
    const before = await made.wait()
    await made.delete()
    expect(await made.wait()).toEqual(before)
    expect((await made.wait({ stats: false })).stats).toBeNull()
  })

  test('asked for only after the deletion', async () => {
    const made = await sandbox.run(greedy, small)
    await until(async () => (await made.state()).status === 'stopped')
    await made.delete()
    expect(await made.wait()).toMatchObject({ code: 3, oomKilled: true, stats: null })
  })

  test('asked for before a deletion by force', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const ended = made.wait()
    await made.delete({ force: true })
    expect(await ended).toMatchObject({ signal: 'SIGKILL', oomKilled: false, ...bySystemd ? {} : { stats: { pids: { current: 0 } } } })
  })

  test(`${many} containers, 20 at a time: each its own end, none lost`, async () => {
    const codes = Array.from({ length: many }, (_, at) => at % 251)
    const seen: (number | null)[] = []
    const worker = async (): Promise<void> => {
      for (let at = codes.length; codes.length > 0;) {
        at = codes.length - 1
        const code = codes.pop()!
        const made = await sandbox.run(['sh', '-c', `exit ${code}`], undefined, { stdout: 'ignore', stderr: 'ignore' })
        const event = once(made, 'exit')
        const [first, second, [third]] = await Promise.all([made.wait(), made.wait({ stats: false }), event])
        expect([first.code, second.code, third.code]).toEqual([code, code, code])
        seen[at] = first.code
        await made.delete()
      }
    }
    await leavesNothing(sandbox, () => Promise.all(Array.from({ length: 20 }, worker)))
    expect(seen).toEqual(Array.from({ length: many }, (_, at) => at % 251))
  }, 1_200_000)

  test(`${many} containers that are there together: each end is told once, to whom it belongs`, async () => {
    const told: (number | null)[][] = Array.from({ length: many }, () => [])
    await (await sandbox.run(['true'], undefined, { stdout: 'ignore', stderr: 'ignore' })).wait() // what the library opens once
    await leavesNothing(sandbox, async () => {
      await using template = await sandbox.runtime.compile({ bundle: sandbox.directory, spec: sandbox.spec(['true']), networksAhead: 0 })
      const made = await Promise.all(told.map(async (own, at) => {
        const id = sandbox.id()
        const options = { id, cgroupsPath: cgroupsPathOf(id), args: ['sh', '-c', `exit ${at % 251}`] }
        const one = sandbox.keep(await template.create({ ...options, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' }))
        return one.on('exit', ({ code }) => own.push(code))
      }))
      await Promise.all(made.map((one) => one.start()))
      const ends = await Promise.all(made.map((one) => one.wait()))
      expect(ends.map(({ code }) => code)).toEqual(told.map((_, at) => at % 251))
      await Promise.all(made.map((one) => one.delete()))
    })
    expect(told).toEqual(told.map((_, at) => [at % 251]))
  }, 1_200_000)
})

describeWith(container, 'events', () => {
  const sandbox = useSandbox()

  test('exit, once, with what wait gives', async () => {
    const made = await sandbox.run(['sh', '-c', 'read go; exit 5'], undefined, { stdin: 'pipe' })
    const seen: unknown[] = []
    made.on('exit', (exit) => seen.push(exit))
    made.once('exit', (exit) => seen.push(exit))
    made.stdin!.end('go\n')
    const exit = await made.wait()
    await until(() => seen.length === 2)
    expect(seen).toEqual([exit, exit])
  })

  test('exit, for a container that has ended already, and for one that was loaded', async () => {
    const made = await sandbox.run(['sh', '-c', 'exit 5'])
    await made.wait()
    expect((await once(made, 'exit'))[0].code).toBe(5)
    const other = await sandbox.run(['sleep', '1000'])
    const loaded = await sandbox.runtime.load(other.id)
    const event = once(loaded, 'exit')
    await other.kill('SIGKILL')
    expect((await event)[0].finishedAt).toBeInstanceOf(Date)
  })

  test('oom', async () => {
    const made = await sandbox.run(['sh', '-c', `read go; ${greedy[2]}`], small, { stdin: 'pipe' })
    const event = once(made, 'oom')
    made.stdin!.end('go\n')
    await event
    expect(await made.wait()).toMatchObject({ code: 3, oomKilled: true })
  })

  test.skipIf(lackingPressureLevels !== undefined)('memoryPressure', async () => {
    const made = await sandbox.run(['sh', '-c', `read go; ${greedy[2]}`], small, { stdin: 'pipe' })
    const event = once(made, 'memoryPressure')
    made.stdin!.end('go\n')
    await event
    expect(await made.wait()).toMatchObject({ code: 3 })
  })

  // Without swap, what is above memory.high cannot be taken back: who asks for more is made to wait.
  test.skipIf(hierarchyOf('memory')?.version !== 2 || !hasPressure)('memoryPressure on v2', async () => {
    const made = await sandbox.run(['sh', '-c', `read go; ${greedy[2]}`], ({ linux }) => {
      linux.resources = { ...linux.resources, memory: { limit: 40 << 20, swap: 40 << 20 }, unified: { 'memory.high': String(8 << 20) } }
    }, { stdin: 'pipe' })
    const event = once(made, 'memoryPressure')
    made.stdin!.end('go\n')
    await event
    await made.delete({ force: true })
  })

  test('a watch ends with its last listener, or with the container', async () => {
    const made = await sandbox.run(['sleep', '1000'], small)
    await leavesNothing(sandbox, async () => {
      const listener = (): void => {}
      made.on('oom', listener)
      made.off('oom', listener)
    })
    made.on('oom', () => {})
    await made.delete({ force: true })
  })

  test('oom where there is no memory controller is refused at once', async () => {
    const made = await sandbox.run(['true'])
    await made.wait()
    await made.delete()
    expect(() => made.on('oom', () => {})).toThrow(expect.objectContaining({ code: 'ERR_CGROUP' }))
    expect(made.listenerCount('oom')).toBe(0)
  })

  test('paused and resumed', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const seen: string[] = []
    made.on('paused', () => seen.push('paused'))
    made.on('resumed', () => seen.push('resumed'))
    await made.pause()
    await made.resume()
    expect(seen).toEqual(['paused', 'resumed'])
  })
})

describeWith(container, 'statistics again and again', () => {
  const sandbox = useSandbox()

  test('until the container ends', async () => {
    const made = await sandbox.run(['sh', '-c', 'read go; exit 0'], undefined, { stdin: 'pipe' })
    const seen: Statistics[] = []
    for await (const statistics of made.stats({ interval: 5 })) {
      seen.push(statistics)
      if (seen.length === 3) made.stdin!.end('go\n')
    }
    expect(seen.length).toBeGreaterThanOrEqual(3)
    expect(seen[0]!.pids.current).toBe(1)
  })

  test('the end does not wait for the interval', async () => {
    const made = await sandbox.run(['sh', '-c', 'read go'], undefined, { stdin: 'pipe' })
    let count = 0
    for await (const _ of made.stats({ interval: 2 ** 31 - 1 })) {
      count++
      made.stdin!.end('go\n')
    }
    expect(count).toBe(1)
  })

  test('an abort', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const controller = new AbortController()
    const error = await rejection((async () => {
      for await (const _ of made.stats({ interval: 1_000_000, signal: controller.signal })) controller.abort(new Error('enough'))
    })())
    expect([error.code, (error.cause as Error).message]).toEqual(['ERR_ABORTED', 'enough'])
  })

  describe('wrong calls', () => {
    test.each([[{ interval: 0 }, 'interval'], [{ interval: NaN }, 'interval'], [{ intervall: 5 }, 'intervall']])('%j', async (options, name) => {
      const made = await sandbox.run(['sleep', '1000'])
      const error = await rejection((async () => {
        for await (const _ of made.stats(options as never)) throw new Error('it was accepted')
      })())
      expect([error.code, error.operand]).toEqual(['ERR_OPTION_INVALID', name])
    })
  })
})
