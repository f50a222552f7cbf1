/**
 * What ends containers and processes before their time: AbortSignal, time-outs, stop, disposal.
 */
import { describe, expect, test } from 'vitest'
import type { Container, CreateOptions } from '../../lib/index.ts'
import { end, rejection, useSandbox } from '../helpers/containers.ts'
import { until } from '../helpers/host.ts'
import { leavesNothing, nothingLeft, snapshot } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

/** Says so when it is ready, and heeds SIGTERM with exit code 7. */
const polite = ['sh', '-c', 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done']
/** Does not. Init of a pid namespace does not get a signal that it has no handler for. */
const deaf = ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 1000; done']

async function ready(made: { readonly stdout: Container['stdout'] }): Promise<void> {
  await new Promise((resolve) => made.stdout!.once('data', resolve))
  made.stdout!.resume()
}

describeWith(container, 'deadlines', () => {
  const sandbox = useSandbox()
  const refused = (options: CreateOptions, how: 'create' | 'run' = 'run') => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    return leavesNothing(sandbox, () => rejection(sandbox.runtime[how]({ id, bundle, stdin: 'ignore', ...options })))
  }

  describe('run', () => {
    test('an abort: SIGTERM first', async () => {
      const controller = new AbortController()
      const made = await sandbox.run(polite, undefined, { signal: controller.signal })
      await ready(made)
      controller.abort()
      expect(await made.wait()).toMatchObject({ code: 7, signal: null, aborted: true, timedOut: false })
    })

    test('an abort, and after the grace period SIGKILL to all processes', async () => {
      const controller = new AbortController()
      const made = await sandbox.run(deaf, ({ linux }) => {
        linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid')
      }, { signal: controller.signal, gracePeriod: 20 })
      await ready(made)
      controller.abort()
      expect(await made.wait()).toMatchObject({ code: null, signal: 'SIGKILL', aborted: true })
      await until(async () => (await made.processes()).length === 0)
    })

    test('a time-out', async () => {
      const made = await sandbox.run(deaf, undefined, { timeout: 1000, gracePeriod: 1 })
      expect(await made.wait()).toMatchObject({ signal: 'SIGKILL', aborted: false, timedOut: true })
    })

    test('an end before the deadline', async () => {
      const controller = new AbortController()
      const made = await sandbox.run(['true'], undefined, { timeout: 100_000, signal: controller.signal })
      expect(await made.wait()).toMatchObject({ code: 0, aborted: false, timedOut: false })
      controller.abort()
      expect(await made.wait()).toMatchObject({ code: 0, aborted: false, timedOut: false })
    })
  })

  describe('a call', () => {
    test.each(['create', 'run'] as const)('%s with a signal that was aborted before', async (how) => {
      const reason = new Error('why')
      const error = await refused({ signal: AbortSignal.abort(reason) }, how)
      expect([error.code, error.message, error.cause]).toEqual(['ERR_ABORTED', 'the call was aborted', reason])
    })

    test.each(['create', 'run'] as const)('%s aborted while it is at work leaves nothing', async (how) => {
      const controller = new AbortController()
      const working = refused({ signal: controller.signal }, how)
      queueMicrotask(() => controller.abort())
      expect((await working).code).toBe('ERR_ABORTED')
    })

    test('that runs out of time leaves nothing', async () => {
      const { id, bundle } = sandbox.bundle(['true'], (spec) => {
        spec.hooks = { createContainer: [{ path: '/bin/sleep', args: ['sleep', '1000'] }] }
      })
      const error = await leavesNothing(sandbox, () => rejection(sandbox.runtime.create({ id, bundle, timeout: 300 })))
      expect([error.code, error.message]).toEqual(['ERR_TIMEOUT', 'timed out after 300 ms'])
    })

    test('the deadline of create is not that of the container', async () => {
      const controller = new AbortController()
      const made = await sandbox.create(['true'], undefined, { signal: controller.signal })
      controller.abort()
      await made.start()
      expect(await made.wait()).toMatchObject({ code: 0, aborted: false })
    })

    test.each([
      [{ timeout: 0 }, 'timeout'], [{ timeout: 1.5 }, 'timeout'], [{ timeout: '5' }, 'timeout'], [{ timeout: 2 ** 31 }, 'timeout'],
      [{ signal: {} }, 'signal'], [{ gracePeriod: -1 }, 'gracePeriod'], [{ gracePeriod: NaN }, 'gracePeriod'],
    ])('%j is refused', async (options, name) => {
      const error = await refused(options as never)
      expect([error.code, error.operand]).toEqual(['ERR_OPTION_INVALID', name])
    })
  })

  describe('exec', () => {
    test('an abort ends the process, and not the container', async () => {
      const made = await sandbox.run(['sleep', '1000'])
      const controller = new AbortController()
      const added = await made.exec({ args: polite, stdin: 'ignore', signal: controller.signal })
      await ready(added)
      controller.abort()
      expect(await added.wait()).toMatchObject({ code: 7, aborted: true })
      expect((await made.state()).status).toBe('running')
    })

    test('a time-out, and SIGKILL after the grace period', async () => {
      const made = await sandbox.run(['sleep', '1000'])
      const added = await made.exec({ args: deaf, stdin: 'ignore', timeout: 500, gracePeriod: 1 })
      expect(await added.wait()).toMatchObject({ signal: 'SIGKILL', timedOut: true })
    })

    test('a signal that was aborted before', async () => {
      const made = await sandbox.run(['sleep', '1000'])
      const error = await leavesNothing(sandbox, () =>
        rejection(made.exec({ args: ['true'], signal: AbortSignal.abort() })))
      expect(error.code).toBe('ERR_ABORTED')
    })
  })

  describe('wait', () => {
    test('of a container with a time-out', async () => {
      const made = await sandbox.run(polite)
      await ready(made)
      expect(await made.wait({ timeout: 1 })).toMatchObject({ code: 7, timedOut: true })
    })

    test('of a container with a signal', async () => {
      const made = await sandbox.run(polite)
      await ready(made)
      const controller = new AbortController()
      const ended = made.wait({ signal: controller.signal })
      controller.abort()
      expect(await ended).toMatchObject({ code: 7, aborted: true, timedOut: false })
    })

    test('of one that another object has loaded', async () => {
      const made = await sandbox.run(polite)
      await ready(made)
      const loaded = await sandbox.runtime.load(made.id)
      expect(await loaded.wait({ timeout: 1 })).toMatchObject({ timedOut: true, startedAt: null })
      expect(await made.wait()).toMatchObject({ code: 7, timedOut: false })
    })

    test('of a process with a signal', async () => {
      const made = await sandbox.run(['sleep', '1000'])
      const added = await made.exec({ args: polite, stdin: 'ignore' })
      await ready(added)
      const controller = new AbortController()
      const ended = added.wait({ signal: controller.signal })
      controller.abort()
      expect(await ended).toMatchObject({ code: 7, aborted: true })
    })

    test('of a process with a time-out, and SIGKILL after the grace period', async () => {
      const made = await sandbox.run(['sleep', '1000'])
      const added = await made.exec({ args: deaf, stdin: 'ignore' })
      await ready(added)
      expect(await added.wait({ timeout: 1, gracePeriod: 1 })).toMatchObject({ signal: 'SIGKILL', timedOut: true, aborted: false })
      expect((await made.state()).status).toBe('running')
    })

    test('tells when the program began and ended', async () => {
      const before = Date.now()
      const made = await sandbox.run(['true'])
      const { startedAt, finishedAt } = await made.wait()
      expect(startedAt!.getTime()).toBeGreaterThanOrEqual(before)
      expect(finishedAt!.getTime()).toBeGreaterThanOrEqual(startedAt!.getTime() - 1)
      expect(finishedAt!.getTime()).toBeLessThanOrEqual(Date.now())
    })
  })

  describe('stop', () => {
    test('a container that heeds SIGTERM', async () => {
      const made = await sandbox.run(polite)
      await ready(made)
      expect(await made.stop()).toMatchObject({ code: 7, aborted: false, timedOut: false })
    })

    test('a created one ends at once', async () => {
      const made = await sandbox.create(['true'])
      expect(await made.stop({ gracePeriod: 1_000_000 })).toMatchObject({ code: null, signal: 'SIGKILL' })
    })

    test('one that has ended', async () => {
      const made = await sandbox.run(['sh', '-c', 'exit 3'])
      await made.wait()
      expect(await made.stop()).toMatchObject({ code: 3 })
    })
  })

  test('disposal kills a process that exec added', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const before = snapshot(sandbox)
    {
      await using added = await made.exec({ args: ['sleep', '1000'], stdin: 'ignore' })
      expect((await made.processes())).toContain(added.pid)
    }
    await nothingLeft(sandbox, before)
    expect((await end(await made.exec({ args: ['true'], stdin: 'ignore' }))).code).toBe(0)
  })
})
