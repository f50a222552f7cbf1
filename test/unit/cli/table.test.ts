import { expect, test } from 'vitest'
import { formatTable } from '../../../lib/cli/table.ts'

test('the empty list of runc', () => {
  expect(formatTable([['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER']])).toBe(
    'ID          PID         STATUS      BUNDLE      CREATED     OWNER\n',
  )
})

test('a column is as wide as its widest cell and 3 more', () => {
  expect(formatTable([['ID', 'B'], ['123456789', 'x'], ['1234567890', 'yyyy']])).toBe(
    'ID           B\n123456789    x\n1234567890   yyyy\n',
  )
})

test('cells are measured in characters', () => {
  expect(formatTable([['A', 'B'], ['éé𝒳', 'x']])).toBe('A           B\néé𝒳         x\n')
})
