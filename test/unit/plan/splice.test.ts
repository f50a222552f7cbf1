import { describe, expect, test } from 'vitest'
import { assemble, encode } from '../../../lib/plan/encode.ts'
import type { Operation } from '../../../lib/plan/operations.ts'
import { Spliced } from '../../../lib/plan/splice.ts'
import { random, randomOperation } from './random.ts'

const word = 'open-word'

/** The same list with the word in every text replaced. */
const replaced = (list: readonly Operation[], by: string): Operation[] => {
  const change = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replaceAll(word, by)
    return Array.isArray(value) ? value.map(change) : value
  }
  return list.map((one) => Object.fromEntries(Object.entries(one).map(([key, value]) => [key, key === 'op' ? value : change(value)])) as unknown as Operation)
}

/** Some texts of random operations get the word, at the start, in the middle, at the end, or twice. */
function randomList(seed: number): Operation[] {
  const from = random(seed)
  const put = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(put)
    if (typeof value !== 'string' || from.below(3) > 0) return value
    return from.pick([`${word}${value}`, `${value}${word}`, `${value}${word}${value}`, `${word}${value}${word}`])
  }
  return Array.from({ length: 1 + from.below(60) }, () => randomOperation(from)).map((one) =>
    Object.fromEntries(Object.entries(one).map(([key, value]) => [key, key === 'op' ? value : put(value)])) as unknown as Operation)
}

describe('filling in gives the bytes of encoding again', () => {
  test.each(Array.from({ length: 20 }, (_, seed) => seed))('random operations, seed %d', (seed) => {
    const list = randomList(seed)
    const spliced = new Spliced(list, word)
    for (const by of ['', 'x', 'same-long', 'a longer one than the word', 'é日本語', word]) {
      expect(assemble([spliced.with(by)])).toEqual(encode(replaced(list, by)))
    }
  })

  test('no hole', () => {
    const list: Operation[] = [{ op: 'setHostname', field: '/hostname', name: 'web' }]
    expect(assemble([new Spliced(list, word).with('other')])).toEqual(encode(list))
    expect(assemble([new Spliced([], word).with('other')])).toEqual(encode([]))
  })

  test('a hole in a pointer, in a list, next to another', () => {
    const list: Operation[] = [
      { op: 'execute', field: `/${word}`, args: ['a', `${word}${word}`, ''], env: [word], home: 0, uid: 0 },
      { op: 'umask', field: '', mask: 0o022 },
    ]
    expect(assemble([new Spliced(list, word).with('b')])).toEqual(encode(replaced(list, 'b')))
  })

  test('what is filled in does not change what is filled in next', () => {
    const list: Operation[] = [{ op: 'setHostname', field: '', name: word }]
    const spliced = new Spliced(list, word)
    const first = assemble([spliced.with('first')])
    assemble([spliced.with('a second one that is longer')])
    expect(first).toEqual(encode(replaced(list, 'first')))
    expect(assemble([spliced.with('first')])).toEqual(first)
  })
})
