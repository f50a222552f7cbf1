import { describe, expect, test } from 'vitest'
import { operations } from '../../../lib/plan/operations.ts'
import { Stopwatch, timingsJson, timingsText } from '../../../lib/container/timings.ts'

/** Stamps of init, as `tell_created` in `addon/init/lifecycle.cc` sends them. */
function initStamps(list: readonly (readonly [code: number, time: bigint])[]): Buffer {
  const bytes = Buffer.alloc(list.length * 12)
  list.forEach(([code, time], index) => {
    bytes.writeUInt32LE(code, index * 12)
    bytes.writeBigUInt64LE(time, index * 12 + 4)
  })
  return bytes
}

/** A watch and the time at which it began. */
function begin(executes = true): { readonly watch: Stopwatch; readonly at: bigint } {
  const watch = new Stopwatch(executes)
  return { watch, at: watch.timings({ host: '', init: Buffer.alloc(0), executed: 0n }).begin }
}

const nothing = { host: '', init: Buffer.alloc(0), executed: 0n }

describe('timings', () => {
  test('steps of Node, of the host and of init, in the order in which they began', () => {
    const { watch, at } = begin()
    const ms = (time: number): bigint => at + BigInt(time * 1e6)
    const host = [10, 11, 10, 14, 15, 16, 17].map((one) => ` ${ms(one)}`).join('')
    const init = initStamps([
      [operations.mount.code, ms(20)], [operations.pivotRoot.code, ms(23)], [operations.awaitStart.code, ms(24)],
    ])
    const { steps, total, begin: start } = watch.timings({ host, init, executed: ms(30) })
    expect(start).toBe(at)
    expect(steps).toEqual([
      { step: 'makeCgroup', by: 'host', start: 10, duration: 1 }, { step: 'clone', by: 'host', start: 10, duration: 4 },
      { step: 'mapIds', by: 'host', start: 15, duration: 1 }, { step: 'sendPlan', by: 'host', start: 16, duration: 1 },
      { step: 'mount', by: 'init', start: 20, duration: 3 }, { step: 'pivotRoot', by: 'init', start: 23, duration: 1 },
      { step: 'execute', by: 'init', start: 24, duration: 6 },
    ])
    expect(total).toBe(30)
  })

  test('marks of Node follow one another without a gap', () => {
    const { watch } = begin()
    watch.mark('config')
    watch.mark('plan')
    const { steps: [config, plan] } = watch.timings(nothing)
    expect([config?.step, plan?.step, config?.start]).toEqual(['config', 'plan', 0])
    expect(plan?.start).toBeCloseTo(config!.duration, 6)
  })

  test('a container that waits for start has executed nothing', () => {
    const { watch, at } = begin(false)
    const init = initStamps([[operations.awaitStart.code, at + 5n]])
    expect(watch.timings({ host: '', init, executed: at + 9n }).steps.map(({ step }) => step)).toEqual(['awaitStart'])
    expect(watch.timings({ host: '', init, executed: 0n }).steps).toEqual([])
  })

  test('stamps of another clock are left out: that of a time namespace', () => {
    const { watch, at } = begin()
    const init = initStamps([[operations.mount.code, 5n], [operations.awaitStart.code, 9n]])
    expect(watch.timings({ host: '', init, executed: at + 9n }).steps).toEqual([])
  })

  test('as text and as one line of JSON', () => {
    const { watch, at } = begin()
    const timings = watch.timings({ host: '', init: initStamps([[34, at + 1_000_000n]]), executed: at + 3_500_000n })
    expect(timingsText(timings)).toBe(
      '    start        ms\n    1.000     2.500  init  execute\n    0.000     3.500  total\n',
    )
    expect(JSON.parse(timingsJson(timings))).toEqual({
      begin: String(at), total: 3.5, steps: [{ step: 'execute', by: 'init', start: 1, duration: 2.5 }],
    })
    expect(timingsJson(timings).indexOf('\n')).toBe(timingsJson(timings).length - 1)
  })
})
