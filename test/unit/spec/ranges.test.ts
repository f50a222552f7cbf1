import { expect, test } from 'vitest'
import { parseRanges } from '../../../lib/spec/ranges.ts'

test.each<[string, bigint | undefined]>([
  ['', 0n], [' ', 0n], ['0', 1n], ['0-3,7', 0b10001111n], [' 1 - 2 , 4 ', 0b10110n], ['3,3', 8n], ['5-5', 32n],
  ['64', 1n << 64n], ['65535', 1n << 65535n], ['65536', undefined], ['2-1', undefined], ['1-', undefined],
  ['-1', undefined], ['1,,2', undefined], ['a', undefined], ['1 2', undefined], ['0x1', undefined],
])('%j', (list, bits) => {
  expect(parseRanges(list)).toBe(bits)
})
