import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { NruncError } from '../../../lib/errors.ts'
import { parseJson, stringifyJson } from '../../../lib/spec/parse.ts'

function errorOf(run: () => unknown): NruncError {
  try {
    run()
  } catch (error) {
    if (error instanceof NruncError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('integers', () => {
  test.each([
    ['18446744073709551615', 18446744073709551615n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9007199254740992', 9007199254740992n],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['-9007199254740991', Number.MIN_SAFE_INTEGER],
    ['1234567890123456', 1234567890123456],
    ['0', 0],
    ['1.5', 1.5],
    ['1e3', 1000],
  ])('%s is exact', (digits, expected) => {
    expect(parseJson(`{"a": ${digits}}`)).toEqual({ a: expected })
    expect(parseJson(`[1,${digits}]`)).toEqual([1, expected])
  })

  test('a document with a long integer is otherwise the same', () => {
    const text = '{"big":18446744073709551615,"list":[null,true,"é\\u0000\\n"],"pi":3.25,"id":"1234567890123456789"}'
    expect(parseJson(text)).toEqual({
      big: 18446744073709551615n, list: [null, true, 'é\0\n'], pi: 3.25, id: '1234567890123456789',
    })
  })

  test('a fraction or an exponent is never a bigint', () => {
    const value = parseJson('[9007199254740993.5, 1e30, 9007199254740993]')
    expect(value).toEqual([9007199254740994, 1e30, 9007199254740993n])
  })

  test.each([0, 12345678901234567890n])('of a key that is given twice the last one counts, beside %s', (number) => {
    expect(parseJson(`{"n": ${number}, "a": 1, "a": 2}`)).toEqual({ n: number, a: 2 })
  })
})

describe('bad JSON', () => {
  test.each([
    ['{]', '1:2'],
    ['', '1:1'],
    ['{"a": 1,\n "b": }', '2:7'],
    ['{"a": 1', '1:8'],
    ['{\n  "a": 1,\n  "a": tru\n}', '3:8'],
    ['{"a": 18446744073709551615,\n\n "b": 01}', '3:8'],
    ['{} {}', '1:4'],
    ['hello', '1:1'],
  ])('%j is refused at %s', (text, position) => {
    const error = errorOf(() => parseJson(text))
    expect(error.code).toBe('ERR_CONFIG_PARSE')
    expect(error.message.slice(0, error.message.indexOf(': ', 27))).toBe(`cannot parse config.json: ${position}`)
    expect(error.cause).toBeInstanceOf(SyntaxError)
  })

  test('the sample of the specification', () => {
    const text = readFileSync(new URL('../../fixtures/runtime-spec/bad-invalid-json.json', import.meta.url), 'utf8')
    expect(errorOf(() => parseJson(text)).message).toMatch(/^cannot parse config\.json: 1:2: /)
  })

  test('the document is called by its name', () => {
    expect(errorOf(() => parseJson('[', 'process.json')).message).toMatch(/^cannot parse process\.json: 1:2: [a-z]/)
  })
})

describe('stringifyJson', () => {
  test.each([undefined, 2, '\t'])('is the inverse with indent %j', (indent) => {
    const value = { soft: 18446744073709551615n, hard: 5, list: [1n << 63n, 'x', true], none: undefined }
    const text = stringifyJson(value, indent)
    expect(text).toContain('18446744073709551615')
    expect(text.includes('\n')).toBe(indent !== undefined)
    expect(parseJson(text)).toEqual({ soft: 18446744073709551615n, hard: 5, list: [1n << 63n, 'x', true] })
  })

  test('is JSON.stringify where there is no bigint', () => {
    expect(stringifyJson({ a: [1, null], b: '"' }, '\t')).toBe(JSON.stringify({ a: [1, null], b: '"' }, null, '\t'))
  })
})
