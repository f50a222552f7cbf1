import { describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage, MESSAGE } from '../../../lib/dbus/message.ts'
import { marshal, splitSignature, unmarshal, Variant } from '../../../lib/dbus/wire.ts'

describe('signatures', () => {
  test('are split into complete types', () => {
    expect(splitSignature('ssa(sv)a(sa(sv))a{sv}ay')).toEqual(['s', 's', 'a(sv)', 'a(sa(sv))', 'a{sv}', 'ay'])
    expect(splitSignature('')).toEqual([])
  })

  test.each(['a', '(', '(s', 'z', ')', 'a{s', '()', 'a()', '(s())', `${'a'.repeat(100)}s`])('%s is refused', (signature) => {
    expect(() => splitSignature(signature)).toThrow(RangeError)
  })
})

describe('bytes', () => {
  test.each<readonly [string, readonly unknown[], string]>([
    ['y', [7], '07'],
    ['b', [true], '01000000'],
    ['n', [-2], 'feff'],
    ['u', [1], '01000000'],
    ['t', [(1n << 64n) - 1n], 'ffffffffffffffff'],
    ['yu', [1, 2], '0100000002000000'],
    ['s', ['abc'], '0300000061626300'],
    ['g', ['as'], '02617300'],
    ['v', [new Variant('u', 5)], '0175000005000000'],
    // The length does not count the padding before the first element.
    ['at', [[]], '0000000000000000'],
    ['at', [[9]], '08000000000000000900000000000000'],
    ['y(yy)', [1, [2, 3]], '01000000000000000203'],
    ['ay', [Buffer.from([1, 2])], '020000000102'],
  ])('%s', (signature, values, hex) => {
    expect(marshal(signature, values).toString('hex')).toBe(hex)
    expect(JSON.stringify(unmarshal(signature, marshal(signature, values)), plain)).toBe(JSON.stringify(values, plain))
  })

  test.each([1, 100, 511, 512, 513, 5000])('a text of %i characters, with numbers around it, in a structure in a variant', (length) => {
    const values = [3, [['x'.repeat(length), new Variant('(xsd)', [-1n, 'é'.repeat(length), 0.5])], ['', new Variant('b', false)]]]
    expect(unmarshal('qa(sv)', marshal('qa(sv)', values))).toEqual(values)
  })

  test('that end too early are refused', () => {
    const bytes = marshal('sa(sv)', ['abc', [['d', new Variant('t', 1n)]]])
    for (let size = 0; size < bytes.length; size++) {
      expect(() => unmarshal('sa(sv)', bytes.subarray(0, size)), String(size)).toThrow(RangeError)
    }
  })
})

describe('bytes that are no values are refused', () => {
  test('an array whose last element is longer than it', () => {
    expect(() => unmarshal('au', Buffer.from('0500000001000000020000000300', 'hex'))).toThrow('longer than the array')
  })

  test('variants in each other, 65 deep; 64 are read', () => {
    const nested = (depth: number): Buffer =>
      Buffer.concat([...Array.from({ length: depth - 1 }, () => Buffer.from('017600', 'hex')), Buffer.from('01790007', 'hex')])
    expect(JSON.stringify(unmarshal('v', nested(64)))).toContain('7')
    expect(() => unmarshal('v', nested(65))).toThrow('too deep')
    expect(() => unmarshal('v', nested(1 << 20))).toThrow('too deep')
  })

  test('a signature that is none', () => {
    expect(() => unmarshal('g', Buffer.from('017a00', 'hex'))).toThrow('bad D-Bus signature')
  })
})

const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value)

describe('messages', () => {
  const call = {
    type: MESSAGE.call, serial: 2, path: '/a/b', interface: 'c.d', member: 'E', destination: 'f.g', signature: 'su', body: ['x', 1],
  }

  test('come back as they were', () => {
    const bytes = encodeMessage(call)
    expect(bytes[0]).toBe(0x6c)
    expect(decodeMessage(bytes)).toEqual({ message: call, size: bytes.length })
  })

  test('are not there before their last byte, and what follows is not theirs', () => {
    const bytes = encodeMessage(call)
    for (let size = 0; size < bytes.length; size++) expect(decodeMessage(bytes.subarray(0, size))).toBeUndefined()
    expect(decodeMessage(Buffer.concat([bytes, bytes]))?.size).toBe(bytes.length)
  })

  test('of the other byte order, or of nothing at all, are refused', () => {
    expect(() => decodeMessage(Buffer.alloc(100))).toThrow(RangeError)
    const long = encodeMessage(call)
    long.writeUInt32LE(0x7fffffff, 4)
    expect(() => decodeMessage(long)).toThrow('too long')
    for (const size of [0x80000000, 0xffffffff]) {
      const negative = encodeMessage(call)
      negative.writeUInt32LE(size, 12)
      expect(() => decodeMessage(negative)).toThrow('too long')
    }
  })
  test('with a field of another type than its own are refused', () => {
    const bytes = encodeMessage(call)
    const path = bytes.indexOf(Buffer.from([1, 1, 'o'.charCodeAt(0), 0]))
    bytes[path + 2] = 's'.charCodeAt(0)
    expect(() => decodeMessage(bytes)).toThrow('D-Bus message with a path of type s')
  })
})
