import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { errorCodes, NruncError } from '../../lib/errors.ts'

describe('NruncError', () => {
  test('is an Error that says where, in which step and why', () => {
    const cause = new Error('why')
    const error = new NruncError('ERR_INIT', 'cannot mount', {
      field: '/mounts/3', step: 'mount', syscall: 'mount', errno: 'ENODEV', operand: '/data', cause,
      problems: [{ field: '/a', message: 'b' }],
    })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'NruncError', code: 'ERR_INIT', message: 'cannot mount', field: '/mounts/3', step: 'mount',
      syscall: 'mount', errno: 'ENODEV',
      operand: '/data', problems: [{ field: '/a', message: 'b' }],
    })
    expect(error.cause).toBe(cause)
    expect(String(error)).toBe('NruncError: cannot mount')
    expect(error.stack).toContain('errors.test.ts')
  })

  test('what was not said is undefined, and there are no problems', () => {
    const error = new NruncError('ERR_HOST', 'no')
    expect([error.field, error.step, error.syscall, error.errno, error.operand]).toEqual(Array(5).fill(undefined))
    expect(error.problems).toEqual([])
    expect('cause' in error).toBe(false)
  })
})

describe('the table of codes', () => {
  const lib = fileURLToPath(new URL('../../lib', import.meta.url))
  const text = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'errors.ts')
    .map((name) => readFileSync(`${lib}/${name}`, 'utf8')).join('\n')
  const used = new Set([...text.matchAll(/'(ERR_[A-Z_]+)'/g)].map(([, code]) => code!))

  test.each(Object.entries(errorCodes))('%s is explained, and used', (code, meaning) => {
    expect(meaning).toMatch(/^[^A-Z].*[^.]$/)
    expect(used).toContain(code)
  })
})
