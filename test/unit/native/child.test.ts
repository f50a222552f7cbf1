import { beforeEach, describe, expect, test, vi } from 'vitest'
import { EVENT } from '../../../lib/native/addon.ts'
import { Child } from '../../../lib/native/child.ts'
import { NruncError } from '../../../lib/errors.ts'
import { operationsOf, type Plan } from '../../../lib/plan/operations.ts'
import { encodePlan } from '../../../lib/plan/template.ts'
import { decode } from '../plan/decode.ts'
import { report } from './report.ts'
import { Stage } from './stage.ts'

const shared = vi.hoisted(() => ({ stage: undefined as Stage | undefined }))
vi.mock('../../../lib/native/addon.ts', async (original) => {
  const { Stage } = await import('./stage.ts')
  return (shared.stage ??= new Stage()).module(await original())
})

const plan: Plan = {
  host: [() => [{ op: 'clone', field: '', flags: 0n, cgroup: '', bare: 0 }]], init: [() => [{ op: 'newSession', field: '' }]],
}
const stage = shared.stage!

const failure = report({ op: 'mount', errno: 19, field: '/mounts/0', syscall: 'mount', operand: '/a' })

/** How a promise stands, once everything that is due has happened. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = 'open'
  promise.then(() => { state = 'resolved' }, (error: Error) => { state = error.message })
  await new Promise(setImmediate)
  return state
}

const stagesOf = async (child: Child): Promise<Record<string, string>> => ({
  spawned: await stateOf(child.spawned), ready: await stateOf(child.ready), created: await stateOf(child.created),
  executed: await stateOf(child.executed), console: await stateOf(child.takeConsole()), exit: await stateOf(child.exit),
})

beforeEach(() => {
  stage.forget()
})

/** Ends what a test leaves, so that the next one begins with nothing held. */
function finish(child: Child): void {
  stage.event(EVENT.exited, 0, 0)
  expect(child.ended).toBe(true)
  expect([stage.held, stage.listening]).toEqual([0, 0])
}

describe('the usual way', () => {
  test('both parts of the plan are handed over, the descriptors with the first', () => {
    const child = new Child(encodePlan(plan), [7, 8])
    expect(stage.calls).toEqual([expect.stringMatching(/^spawn \d+ 7,8 false -1 $/), 'plan'])
    expect(stage.plans.filter(({ length }) => length > 0).map(decode)).toEqual([operationsOf(plan.host), operationsOf(plan.init)])
    finish(child)
  })

  test('each event settles its stage, and no other', async () => {
    const child = new Child(encodePlan(plan), [])
    expect(await stagesOf(child)).toEqual({
      spawned: 'open', ready: 'open', created: 'open', executed: 'open', console: 'open', exit: 'open',
    })
    stage.event(EVENT.spawned, 4711, 0, '12345')
    expect([child.pid, child.startTime]).toEqual([4711, '12345'])
    expect(await stagesOf(child)).toMatchObject({ spawned: 'resolved', ready: 'open', created: 'open' })
    stage.event(EVENT.ready)
    stage.event(EVENT.console, 12)
    stage.event(EVENT.created)
    expect(await child.takeConsole()).toBe(12)
    expect(await stagesOf(child)).toMatchObject({
      ready: 'resolved', created: 'resolved', executed: 'open', exit: 'open',
    })
    stage.event(EVENT.closed)
    expect(await stagesOf(child)).toMatchObject({ executed: 'resolved', exit: 'open' })
    expect([stage.held, stage.listening]).toEqual([1, 1])
    stage.event(EVENT.exited, 3, 0)
    expect(await child.exit).toMatchObject({ code: 3, signal: null })
    finish(child)
  })

  test('a process that forks on its way is known by its last pid', () => {
    const child = new Child(encodePlan(plan), [])
    stage.event(EVENT.spawned, 10, 0, '1')
    stage.event(EVENT.spawned, 11, 0, '2')
    expect([child.pid, child.startTime]).toEqual([11, '2'])
    finish(child)
  })

  test('a process that forks while it is killed is killed again', () => {
    const child = new Child(encodePlan(plan), [])
    stage.event(EVENT.spawned, 10, 0, '1')
    child.signal(15)
    stage.event(EVENT.spawned, 11, 0, '2')
    expect(stage.calls.filter((call) => /^signal \d+ 9$/.test(call))).toHaveLength(0)
    child.signal(9)
    stage.event(EVENT.spawned, 12, 0, '3')
    expect(stage.calls.filter((call) => /^signal \d+ 9$/.test(call))).toHaveLength(2)
    finish(child)
  })

  test.each([
    [0, 0, { code: 0, signal: null }], [-1, 9, { code: null, signal: 'SIGKILL' }],
    [-1, 0, { code: null, signal: null }],
  ])(
    'the end %d, %d', async (code, signal, result) => {
      const child = new Child(encodePlan(plan), [])
      stage.event(EVENT.spawned, 10, 0, '1')
      stage.event(EVENT.exited, code, signal)
      expect(await child.exit).toMatchObject(result)
      finish(child)
    })
})

describe('the word to go on', () => {
  test('waits until there is a process', async () => {
    const child = new Child(encodePlan(plan), [])
    child.continue()
    expect(stage.calls.some((call) => call.startsWith('send'))).toBe(false)
    stage.event(EVENT.spawned, 10, 0, '1')
    await stateOf(child.spawned)
    expect(stage.calls.filter((call) => call.startsWith('send'))).toHaveLength(1)
    child.continue()
    expect(stage.calls.filter((call) => call.startsWith('send'))).toHaveLength(2)
    finish(child)
  })

  test('is not said when there never will be one', async () => {
    const child = new Child(encodePlan(plan), [])
    child.continue()
    stage.event(EVENT.failed, 0, 0, failure)
    await stateOf(child.spawned)
    expect(stage.calls.some((call) => call.startsWith('send'))).toBe(false)
    finish(child)
  })
})

describe('signals', () => {
  test('go to a living process, and no longer to one that has ended', () => {
    const child = new Child(encodePlan(plan), [])
    stage.event(EVENT.spawned, 10, 0, '1')
    stage.results = { signal: -1 }
    expect(child.signal(15)).toBe(-1)
    expect(stage.calls.at(-1)).toMatch(/^signal \d+ 15$/)
    finish(child)
    stage.calls.length = 0
    expect(child.signal(15)).toBe(-3)
    expect(stage.calls).toEqual([])
  })
})

describe('failures', () => {
  const words = 'cannot mount "/a": mount: no such device (field /mounts/0)'

  test('of the host: there is no process, and everything ends', async () => {
    const child = new Child(encodePlan(plan), [])
    stage.event(EVENT.failed, 0, 0, failure)
    expect(await stagesOf(child)).toEqual({
      spawned: words, ready: words, created: words, executed: words, console: words, exit: 'resolved',
    })
    expect(await child.exit).toMatchObject({ code: null, signal: null })
    expect([stage.held, stage.listening]).toEqual([0, 0])
  })

  test('of init: what was reached stays reached, and the end is still awaited', async () => {
    const child = new Child(encodePlan(plan), [])
    stage.event(EVENT.spawned, 10, 0, '1')
    stage.event(EVENT.failed, 0, 0, failure)
    stage.event(EVENT.closed)
    expect(await stagesOf(child)).toEqual({
      spawned: 'resolved', ready: words, created: words, executed: words, console: words, exit: 'open',
    })
    await expect(child.created).rejects.toMatchObject({ code: 'ERR_INIT', field: '/mounts/0', errno: 'ENODEV' })
    stage.event(EVENT.exited, 1, 0)
    expect(await child.exit).toMatchObject({ code: 1, signal: null })
    finish(child)
  })

  test('of init between created and the program: executed is not claimed', async () => {
    const child = new Child(encodePlan(plan), [])
    stage.event(EVENT.spawned, 10, 0, '1')
    stage.event(EVENT.created)
    stage.event(EVENT.failed, 0, 0, failure)
    stage.event(EVENT.closed)
    expect(await stagesOf(child)).toMatchObject({ created: 'resolved', executed: words })
    finish(child)
  })

  test.each([
    [137, 0, 'exit code 137'], [-1, 9, 'SIGKILL'], [-1, 0, 'unknown'],
  ])('init that ends without a word: %d, %d', async (code, signal, how) => {
    const child = new Child(encodePlan(plan), [])
    stage.event(EVENT.spawned, 10, 0, '1')
    stage.event(EVENT.closed)
    stage.event(EVENT.exited, code, signal)
    expect(await stagesOf(child)).toMatchObject({
      spawned: 'resolved', created: `container init ended early: ${how}`, exit: 'resolved',
    })
    await expect(child.created).rejects.toMatchObject({ code: 'ERR_INIT' })
    finish(child)
  })

  test('a descriptor that is not open: nothing is spawned', async () => {
    stage.results = { spawn: -9 }
    const child = new Child(encodePlan(plan), [99])
    await expect(child.spawned).rejects.toMatchObject({
      code: 'ERR_NATIVE', errno: 'EBADF', message: 'cannot duplicate a descriptor: EBADF',
    })
    expect(await child.exit).toMatchObject({ code: null, signal: null })
    expect(stage.calls).toHaveLength(1)
    expect([stage.held, stage.listening]).toEqual([0, 0])
  })

  test('a part for init that cannot be compiled: the spawn is given up, for the compiler\'s reason', async () => {
    const refused = new NruncError('ERR_CONFIG_INVALID', 'no', { field: '/mounts/0' })
    const child = new Child({ host: encodePlan(plan).host, get init(): never { throw refused } }, [])
    expect(stage.plans.at(-1)).toEqual(Buffer.alloc(0))
    stage.event(EVENT.failed, 0, 0, failure)
    await expect(child.created).rejects.toBe(refused)
    expect(await child.exit).toMatchObject({ code: null, signal: null })
    expect([stage.held, stage.listening]).toEqual([0, 0])
  })

  test('nobody who does not ask is told: no rejection is unhandled', async () => {
    const seen: unknown[] = []
    const note = (error: unknown): void => void seen.push(error)
    process.on('unhandledRejection', note)
    const child = new Child(encodePlan(plan), [])
    child.continue()
    stage.event(EVENT.failed, 0, 0, failure)
    await new Promise(setImmediate)
    process.off('unhandledRejection', note)
    expect(seen).toEqual([])
    finish(child)
  })
})
