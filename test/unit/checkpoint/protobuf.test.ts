import { describe, expect, test } from 'vitest'
import { replyFields, requestFields } from '../../../lib/checkpoint/messages.ts'
import { decodeMessage, encodeMessage } from '../../../lib/checkpoint/protobuf.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('encoding', () => {
  // The examples of protobuf.dev, "Encoding".
  test('150 as a number, "testing" as a string, a message in a message', () => {
    expect(hex(encodeMessage({ a: [1, 'int'] }, { a: 150 }))).toBe('089601')
    expect(hex(encodeMessage({ b: [2, 'string'] }, { b: 'testing' }))).toBe('120774657374696e67')
    expect(hex(encodeMessage({ c: [3, { a: [1, 'int'] }] }, { c: { a: 150 } }))).toBe('1a03089601')
  })

  test('a negative number takes ten bytes', () => {
    expect(hex(encodeMessage({ a: [1, 'int'] }, { a: -2 }))).toBe('08feffffffffffffffff01')
  })

  test('a list is the field again and again, and what is undefined is left out', () => {
    expect(hex(encodeMessage({ a: [4, 'string', 'repeated'], b: [5, 'bool'] }, { a: ['x', 'y'], b: undefined }))).toBe('220178220179')
    expect(hex(encodeMessage({ a: [4, 'string', 'repeated'] }, { a: [] }))).toBe('')
  })

  test('field numbers from 16 on take two bytes; a string has the length of its bytes', () => {
    expect(hex(encodeMessage(requestFields, { type: 1, options: { networkLock: 3, root: 'ä' } }))).toBe('080112078004036a02c3a4')
  })
})

describe('decoding', () => {
  test('the reply of criu 4.1 to a request for its version', () => {
    const bytes = Buffer.from('080a100152040804100118022000', 'hex')
    expect(decodeMessage(replyFields, bytes.subarray(0, 10))).toEqual({ type: 10, success: true, version: { major: 4, minor: 1 } })
  })

  test('is the reverse of encoding', () => {
    const request = {
      type: 2, notifySuccess: true, features: { memoryTracking: false, lazyPages: true },
      options: { imagesDirFd: -1, externalMounts: [{ key: '/a', val: '/b' }, { key: '/c', val: '/d' }], external: ['net[1]:x'], leaveRunning: true },
    }
    expect(decodeMessage(requestFields, encodeMessage(requestFields, request))).toEqual(request)
  })

  test('fields of later versions are passed over, whatever their type', () => {
    const bytes = Buffer.from([0x08, 1, 0xf8, 0x3f, 0x05, 0xfa, 0x3f, 1, 0x41, 0xf9, 0x3f, 1, 2, 3, 4, 5, 6, 7, 8, 0xfd, 0x3f, 1, 2, 3, 4, 0x10, 1])
    expect(decodeMessage(replyFields, bytes)).toEqual({ type: 1, success: true })
  })

  test.each([
    ['a number without an end', [0x08, 0x80]],
    ['a number of more than ten bytes', [0x08, ...Array<number>(11).fill(0x80), 1]],
    ['a string that is longer than the message', [0x4a, 5, 0x41]],
    ['a type that there is not', [0x0b]],
    ['a string where a number belongs', [0x0a, 1, 0x41]],
    ['a number where a message belongs', [0x28, 1]],
    ['a field without a number', [0x00, 1]],
    ['a number of a field that does not fit', [0x88, 0x80, 0x80, 0x80, 0x10, 1]],
  ])('%s', (_, bytes) => {
    expect(() => decodeMessage(replyFields, Buffer.from(bytes))).toThrow(RangeError)
  })
})
