import { describe, expect, test } from 'vitest'
import { nearest } from '../../../lib/options/nearest.ts'
import { Runtime } from '../../../lib/runtime.ts'

const names = ['id', 'bundle', 'stdin', 'stdout', 'stderr', 'noPivot', 'noNewKeyring', 'preserveFds']

describe('the name that was meant', () => {
  test.each([
    ['budnle', 'bundle'], ['nopivot', 'noPivot'], ['stdOut', 'stdout'], ['stderror', 'stderr'], ['preservefds', 'preserveFds'],
    ['idd', 'id'], ['noNewKeyrin', 'noNewKeyring'], ['', undefined], ['color', undefined], ['xy', undefined], ['pivot', undefined],
  ])('%s: %s', (name, meant) => {
    expect(nearest(name, names)).toBe(meant)
  })

  test('is the hint of the error', async () => {
    await expect(new Runtime({ root: '/nowhere' }).run({ budnle: '/b' } as never)).rejects.toMatchObject({
      message: 'unknown option "budnle"', operand: 'budnle', hint: 'did you mean "bundle"?',
    })
    expect(() => new Runtime({ nothing: 1 } as never)).toThrow(expect.objectContaining({ hint: undefined }))
  })
})
