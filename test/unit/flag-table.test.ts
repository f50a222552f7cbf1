/**
 * docs/commands.md: every command and every flag has a row, every row a test that is there.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { keys, mark, withTables } from '../../scripts/flag-table.ts'
import { flagTests } from '../flags.ts'
import { wrongReference } from '../helpers/titles.ts'

describe('test/flags.ts', () => {
  test('every command and every flag has a test, and there is no other entry', () => {
    const listed = Object.keys(flagTests).filter((key) => flagTests[key]!.length > 0)
    expect(listed.sort(), 'an entry in test/flags.ts for each, then npm run docs').toEqual([...keys].sort())
  })

  test.each([...new Set(Object.values(flagTests).flat())])('%s', (reference) => {
    expect(wrongReference(reference)).toBeUndefined()
  })
})

test('docs/commands.md ends with what `npm run docs` writes', () => {
  const text = readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8')
  expect(text).toContain(mark)
  expect(text).toBe(withTables(text))
})
