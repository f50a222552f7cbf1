import { expect, test } from 'vitest'
import { pointer } from '../../../lib/spec/pointer.ts'

test.each([
  [[], ''],
  [['mounts', 3, 'options', 0], '/mounts/3/options/0'],
  [['linux', 'sysctl', 'net/ipv4/ip_forward'], '/linux/sysctl/net~1ipv4~1ip_forward'],
  [['a~b', '~1', '/'], '/a~0b/~01/~1'],
  [['annotations', ''], '/annotations/'],
])('%j is %j', (keys, expected) => {
  expect(pointer(...keys)).toBe(expected)
})
