/** Options of a wrong type are refused by every call, in the library and in the mock alike. */
import { describe, expect, test } from 'vitest'
import { defaultSpec, hostBundle } from '../../../lib/index.ts'
import { MockRuntime } from '../../../lib/mock/index.ts'
import { Runtime } from '../../../lib/runtime.ts'

const library = new Runtime({ root: '/dev/null/nrunc' })
const mock = new MockRuntime()
const base = defaultSpec()
const spec = { ...base, process: { ...base.process!, terminal: false } }
const call = async (work: () => unknown): Promise<unknown> => {
  try {
    return await work()
  } catch (error) {
    return error
  }
}

describe.each([['Runtime', library], ['MockRuntime', mock]] as const)('%s', (_, runtime) => {
  test.each([
    [{ bundle: 5 }, 'bundle'], [{ pidFile: 'a\0b' }, 'pidFile'], [{ consoleSocket: null }, 'consoleSocket'], [{ noPivot: 1 }, 'noPivot'],
    [{ keepLineFeeds: 'yes' }, 'keepLineFeeds'], [{ terminalSize: { rows: 70_000, columns: 1 } }, 'terminalSize'],
    [{ terminalSize: { rows: 1 } }, 'terminalSize'], [{ terminalSize: [1, 2] }, 'terminalSize'], [{ host: 'sh' }, 'host'],
    [{ hooks: [] }, 'hooks'], [{ notify: '/run/notify' }, 'notify'], [{ timeout: '5' }, 'timeout'], [{ seccompNotify: {} }, 'seccompNotify'],
  ])('run: %j', async (options, operand) => {
    // The deadline is looked at after the config.
    const given = 'bundle' in options || 'host' in options ? options : { spec, bundle: '/', ...options }
    expect(await call(() => runtime.run(given as never))).toMatchObject({ code: 'ERR_OPTION_INVALID', operand })
  })

  test.each([undefined, null, 'a', 5])('no options at all: %j', async (options) => {
    expect(await call(() => runtime.run(options as never))).toMatchObject({ code: 'ERR_OPTION_INVALID' })
  })

  test.each([
    [{ args: 'true' }, 'args'], [{ args: ['a', 5] }, 'args'], [{ env: { A: '1' } }, 'env'], [{ terminal: 'yes' }, 'terminal'],
    [{ annotations: 'a' }, 'annotations'],
  ])('a start of a template: %j', async (options, operand) => {
    const template = await runtime.compile({ spec, bundle: '/', networksAhead: 0 })
    expect(await call(() => template.run(options as never))).toMatchObject({ code: 'ERR_OPTION_INVALID', operand })
  })

  test.each([[{ reject: 'no' }, 'reject'], [{ lines: 1 }, 'lines'], [{ buffer: null }, 'buffer']])('execute: %j', async (options, operand) => {
    expect(await call(() => runtime.execute({ spec, bundle: '/', ...options } as never))).toMatchObject({ code: 'ERR_OPTION_INVALID', operand })
  })

  test('delete', async () => {
    expect(await call(() => runtime.delete('a', { forced: true } as never))).toMatchObject({ operand: 'forced', hint: 'did you mean "force"?' })
    expect(await call(() => runtime.delete('a', { force: 1 } as never))).toMatchObject({ operand: 'force', message: 'force must be true or false' })
  })

  test('host: what its options are called, and what they are', async () => {
    if (runtime === mock) expect(await call(() => mock.run({ host: { arg: ['true'] } } as never))).toMatchObject({ operand: 'arg', hint: 'did you mean "args"?' })
    expect(await call(() => hostBundle({ arg: ['true'] } as never))).toMatchObject({ operand: 'arg', hint: 'did you mean "args"?' })
    expect(await call(() => hostBundle({ args: 'true' } as never))).toMatchObject({ operand: 'args' })
  })
})

describe('a container', () => {
  test.each([
    ['stop', { grace: 5 }, 'grace'], ['stop', { gracePeriod: -1 }, 'gracePeriod'], ['stop', { gracePeriod: NaN }, 'gracePeriod'],
    ['delete', { Force: true }, 'Force'], ['wait', { timeout: 0 }, 'timeout'], ['wait', { stats: 'no' }, 'stats'], ['exec', { args: 'ls' }, 'args'],
    ['exec', { args: ['ls'], user: 0 }, 'user'], ['exec', { args: ['ls'], cwd: 5 }, 'cwd'],
  ] as const)('%s %j', async (name, options, operand) => {
    const made = await mock.create({ host: { args: ['sh'] } })
    expect(await call(() => made[name](options as never))).toMatchObject({ code: 'ERR_OPTION_INVALID', operand })
    await made.delete()
  })
})
