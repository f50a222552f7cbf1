import { beforeEach, describe, expect, test, vi } from 'vitest'
import { EVENT } from '../../../lib/native/addon.ts'
import { awaitExit, awaitStarted, exitResult, signalProcess } from '../../../lib/native/watch.ts'
import { report } from './report.ts'
import { Stage } from './stage.ts'

const shared = vi.hoisted(() => ({ stage: undefined as Stage | undefined }))
vi.mock('../../../lib/native/addon.ts', async (original) => {
  const { Stage } = await import('./stage.ts')
  return (shared.stage ??= new Stage()).module(await original())
})
const stage = shared.stage!
const gone = () => expect([stage.held, stage.listening]).toEqual([0, 0])
const called = () => stage.calls.map((call) => call.replace(/^(\w+) \d+/, '$1 ID'))

const failure = report({ op: 'execute', errno: 8, field: '/process/args', syscall: 'execve', operand: '/bin/x' })

beforeEach(() => {
  stage.forget()
})

test.each([
  [0, 0, { code: 0, signal: null }], [255, 0, { code: 255, signal: null }], [-1, 15, { code: null, signal: 'SIGTERM' }],
  [-1, 34, { code: null, signal: 'SIGRTMIN+0' }], [-1, 0, { code: null, signal: null }],
])('exitResult(%d, %d)', (code, signal, result) => {
  expect(exitResult(code, signal)).toEqual(result)
})

test('signals go by pid and start time, and what the kernel says comes back', () => {
  stage.results = { signalPid: -3 }
  expect(signalProcess(5, '77', 9)).toBe(-3)
  expect(stage.calls).toEqual(['signalPid 5 77 9'])
})

describe('the end of a process', () => {
  test('is awaited by pid and start time; other events do not end it', async () => {
    const end = awaitExit(5, '77')
    expect(called()).toEqual(['watch ID 5 77'])
    stage.event(EVENT.closed)
    expect(stage.held).toBe(1)
    stage.event(EVENT.exited, 4, 0)
    expect(await end).toMatchObject({ code: 4, signal: null })
    gone()
  })

  test('one that is not there any more has ended, nobody knows how', async () => {
    stage.results = { watch: -3 }
    expect(await awaitExit(5, '77')).toEqual({ code: null, signal: null, finishedAt: null })
    gone()
  })
})

describe('start', () => {
  test('the process is watched before the FIFO is opened: at the open it may run and end', async () => {
    const started = awaitStarted('/f', 5, '77')
    expect(called()).toEqual(['watch ID 5 77', 'openChannel ID /f'])
    stage.event(EVENT.started)
    stage.event(EVENT.closed)
    await started
    expect(called()).toEqual(['watch ID 5 77', 'openChannel ID /f', 'forget ID'])
    gone()
  })

  test('a program that has ended when it is looked at was started', async () => {
    const started = awaitStarted('/f', 5, '77')
    stage.event(EVENT.started)
    stage.event(EVENT.closed)
    stage.event(EVENT.exited, 0, 0)
    await started
    gone()
  })

  test('what init reports of the program is the error', async () => {
    const started = awaitStarted('/f', 5, '77')
    stage.event(EVENT.started)
    stage.event(EVENT.failed, 0, 0, failure)
    stage.event(EVENT.closed)
    await expect(started).rejects.toMatchObject({
      code: 'ERR_PROGRAM', message: 'exec /bin/x: exec format error', field: '/process/args',
    })
    gone()
  })

  test.each([
    ['closed', EVENT.closed], ['exited', EVENT.exited],
  ])('%s without a word: it has stopped', async (_, type) => {
    const started = awaitStarted('/f', 5, '77')
    stage.event(type, -1, 9)
    await expect(started).rejects.toMatchObject({
      code: 'ERR_STATUS', message: 'cannot start a container that has stopped',
    })
    gone()
  })

  test.each([
    [{ watch: -3 }, 'ESRCH', ['watch', 'forget']], [{ openChannel: -2 }, 'ENOENT', ['watch', 'openChannel', 'forget']],
  ])('%j: it cannot be started', async (results, errno, calls) => {
    stage.results = results
    await expect(awaitStarted('/f', 5, '77')).rejects.toMatchObject({
      code: 'ERR_STATUS', errno, message: `cannot start a container that has stopped: ${errno}`,
    })
    expect(stage.calls.map((call) => call.split(' ')[0])).toEqual(calls)
    gone()
  })
})
