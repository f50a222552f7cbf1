import { describe, expect, test } from 'vitest'
import { type ErrorCode, errorCodes, NruncError } from '../../lib/errors.ts'
import { hints } from '../../lib/hints.ts'
import { operations } from '../../lib/plan/operations.ts'

describe('hints', () => {
  test.each([
    ['ERR_HOST', { step: 'clone', errno: 'EPERM' }, 'rootless'], ['ERR_PROGRAM', { errno: 'ENOENT' }, 'root file system'],
    ['ERR_PROGRAM', { errno: 'ENOEXEC' }, '#!'], ['ERR_CGROUP', { errno: 'EROFS' }, 'delegated'],
    ['ERR_NATIVE', { errno: 'EMFILE' }, 'ulimit -n'], ['ERR_ID_EXISTS', {}, 'delete'],
  ] as const)('%s %j: ... %s ...', (code, details, words) => {
    expect(new NruncError(code, 'failed', details).hint).toContain(words)
  })

  test('none where nothing is known to help', () => {
    expect(new NruncError('ERR_INIT', 'failed', { step: 'mount', errno: 'EINVAL' }).hint).toBeUndefined()
  })

  test('one that was given counts more', () => {
    expect(new NruncError('ERR_ID_EXISTS', 'failed', { hint: 'this' }).hint).toBe('this')
  })

  test('name codes and steps that exist, and each can be reached', () => {
    for (const [at, { code, step, errno, hint }] of hints.entries()) {
      if (code !== undefined) expect(errorCodes).toHaveProperty(code)
      for (const name of step ?? []) expect(operations).toHaveProperty(name)
      const example = new NruncError((code ?? 'ERR_NATIVE') as ErrorCode, '', { step: step?.[0], errno: errno?.at(-1) })
      expect(example.hint, `row ${at}`).toBe(hint)
    }
  })
})

test('the path is the operand, where it is one', () => {
  expect(new NruncError('ERR_HOST', '', { operand: '/proc/1' }).path).toBe('/proc/1')
  expect(new NruncError('ERR_HOST', '', { operand: 'proc' }).path).toBeUndefined()
})
