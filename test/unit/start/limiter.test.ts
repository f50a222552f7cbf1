import { expect, test } from 'vitest'
import { Limiter } from '../../../lib/start/limiter.ts'

/** Long enough for all that may begin. */
const turn = async (): Promise<void> => {
  for (let count = 0; count < 10; count++) await new Promise(setImmediate)
}

/** Work that ends when it is told to. */
function jobs(limiter: Limiter, count: number) {
  const running: number[] = []
  const ends: (() => void)[] = []
  let most = 0
  const all = Array.from({ length: count }, (_, index) => limiter.run(async () => {
    running.push(index)
    most = Math.max(most, running.length)
    await new Promise<void>((resolve) => ends[index] = resolve)
    running.splice(running.indexOf(index), 1)
    return index
  }))
  return { running, ends, all, most: () => most }
}

test('so many at a time, in their order', async () => {
  const limiter = new Limiter(2)
  const { running, ends, all, most } = jobs(limiter, 5)
  await turn()
  expect([running, limiter.waiting]).toEqual([[0, 1], 3])
  ends[1]!()
  await turn()
  expect(running).toEqual([0, 2])
  for (const index of [0, 2]) ends[index]!()
  await turn()
  expect(running).toEqual([3, 4])
  for (const index of [3, 4]) ends[index]!()
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3, 4])
  expect([most(), limiter.waiting]).toEqual([2, 0])
})

test('work that fails makes room', async () => {
  const limiter = new Limiter(1)
  await expect(limiter.run(async () => { throw new Error('no') })).rejects.toThrow('no')
  expect(await limiter.run(async () => 1)).toBe(1)
})

test('what is cancelled while it waits is not done, and takes no turn', async () => {
  const limiter = new Limiter(1)
  const { ends, all } = jobs(limiter, 1)
  await turn()
  let cancel = (_: Error): void => {}
  let done = false
  const waiting = limiter.run(async () => { done = true }, (how) => { cancel = how })
  const last = limiter.run(async () => 'last')
  cancel(new Error('cancelled'))
  await expect(waiting).rejects.toThrow('cancelled')
  ends[0]!()
  await all[0]
  expect([await last, done]).toEqual(['last', false])
  cancel(new Error('again')) // late: nothing happens
  expect(await limiter.run(async () => 'next')).toBe('next')
})

test('no two begin in the same turn of the event loop', async () => {
  const limiter = new Limiter(10)
  let turns = 0
  let counting = true
  const count = (): void => { if (counting) setImmediate(() => { turns++; count() }) }
  count()
  const begun = await Promise.all(Array.from({ length: 5 }, () => limiter.run(async () => turns)))
  counting = false
  expect(new Set(begun).size).toBe(5)
  expect(begun).toEqual([...begun].sort((one, other) => one - other))
})
