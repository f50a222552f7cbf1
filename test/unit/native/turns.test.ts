import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { readFiles } from '../../../lib/native/files.ts'

test('events that come together are told in turns of the event loop when what they bring about is long', async () => {
  let turn = 0
  let counting = true
  const count = (): void => { if (counting) setImmediate(() => { turn++; count() }) }
  const turns: number[] = []
  const jobs = Array.from({ length: 10 }, () => readFiles([]).then(() => {
    turns.push(turn)
    for (const begun = performance.now(); performance.now() - begun < 2;);
  }))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100) // all of them are over when the event loop has its turn
  count()
  await Promise.all(jobs)
  counting = false
  expect(turns).toHaveLength(10)
  expect(turns).toEqual([...new Set(turns)])
})

test('nothing is lost when events come while others are told', async () => {
  const told: number[] = []
  const chain = async (number: number): Promise<void> => {
    for (let round = 0; round < 20; round++) {
      await readFiles([])
      told.push(number)
      if (round % 5 === number % 5) await sleep(1)
    }
  }
  await Promise.all(Array.from({ length: 30 }, (_, number) => chain(number)))
  expect(told).toHaveLength(600)
})
