/**
 * docs/config.md: every field has a row, every row a test that is there.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fieldsOf } from '../../lib/spec/fields.ts'
import { list, map, named, oneOf, struct, text, uint32, withDefault } from '../../lib/spec/shape.ts'
import { document, rows } from '../../scripts/config-table.ts'
import { cgroupVersion, fieldTests } from '../fields.ts'
import { wrongReference } from '../helpers/titles.ts'

test('the fields of a schema', () => {
  const inner = struct({ name: text }, { count: uint32, kinds: list(oneOf('kind', ['a', 'b'])) })
  const schema = struct({ one: named(inner), id: withDefault(uint32, () => 0) }, {
    many: list(inner), all: map(inner), texts: map(text),
  })
  expect(fieldsOf(schema).map(({ field, type, required }) => `${field} ${type}${required ? ' !' : ''}`)).toEqual([
    '/one/name string !', '/one/count uint32', '/one/kinds list of name', '/id uint32',
    '/many/*/name string !', '/many/*/count uint32', '/many/*/kinds list of name',
    '/all/*/name string !', '/all/*/count uint32', '/all/*/kinds list of name', '/texts map to string',
  ])
})

describe('test/fields.ts', () => {
  test('every field has a test', () => {
    const without = rows.filter(({ tests }) => tests.length === 0)
    expect(without.map(({ field }) => field)).toEqual([])
  })

  test('every entry is for a field', () => {
    const fields = rows.map(({ field }) => `${field}/`)
    for (const key of [...Object.keys(fieldTests), ...Object.keys(cgroupVersion)]) {
      expect(fields.some((field) => field.startsWith(`${key}/`)), key).toBe(true)
    }
  })

  test.each([...new Set(Object.values(fieldTests).flat())])('%s', (reference) => {
    expect(wrongReference(reference)).toBeUndefined()
  })
})

test('docs/config.md is what `npm run docs` writes', () => {
  expect(readFileSync(new URL('../../docs/config.md', import.meta.url), 'utf8')).toBe(document)
})
