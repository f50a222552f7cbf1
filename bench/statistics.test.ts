import { expect, test } from 'vitest'
import { shuffled, summarize } from './statistics.ts'

test('the median of an even number of samples is the mean of the two in the middle', () => {
  expect(summarize([4, 1, 3, 2]).median).toBe(2.5)
  expect(summarize([9, 1, 5]).median).toBe(5)
})

test('p95 is a sample that was measured, by nearest rank', () => {
  const samples = Array.from({ length: 40 }, (_, index) => 40 - index)
  expect(summarize(samples)).toEqual({ n: 40, min: 1, median: 20.5, p95: 38, max: 40 })
})

test('a single outlier is reported', () => {
  expect(summarize([1, 1, 1, 1000])).toMatchObject({ p95: 1000, max: 1000 })
})

test('no samples give NaN and not zero', () => {
  expect(summarize([])).toEqual({ n: 0, min: NaN, median: NaN, p95: NaN, max: NaN })
})

test('shuffling keeps every item and does not touch its argument', () => {
  const items = ['a', 'b', 'c', 'd']
  const order = shuffled(items, () => 0)
  expect(order).toEqual(['b', 'c', 'd', 'a'])
  expect(items).toEqual(['a', 'b', 'c', 'd'])
})
