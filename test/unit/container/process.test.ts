import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { checkSignal, notAfter, writePidFile } from '../../../lib/container/process.ts'
import { thrown } from '../spec/helpers.ts'

const temporary = mkdtempSync(join(tmpdir(), 'nrunc-process-'))
afterAll(() => rmSync(temporary, { recursive: true }))

describe('what becomes of a signal', () => {
  test('nothing, when it was sent', () => {
    expect(() => checkSignal(0, 5)).not.toThrow()
  })

  test('a process that is gone: clients go on by these words', () => {
    expect(thrown(() => checkSignal(-3, 5))).toMatchObject({
      code: 'ERR_SIGNAL', message: 'process already finished', errno: 'ESRCH', operand: '5',
      syscall: 'pidfd_send_signal',
    })
  })

  test.each([[-1, 'EPERM'], [-22, 'EINVAL']])('%d', (result, errno) => {
    expect(thrown(() => checkSignal(result, 5))).toMatchObject({
      code: 'ERR_SIGNAL', errno, message: `unable to signal process 5: ${errno}`,
    })
  })
})

test('a program did not begin after its end, whichever was known first', () => {
  const [early, late] = [new Date(5), new Date(9)]
  expect([notAfter(late, early), notAfter(early, late)]).toEqual([early, early])
  expect([notAfter(null, late), notAfter(early, null)]).toEqual([late, null])
})

describe('the pid file', () => {
  test('is decimal without newline, and replaced all at once', () => {
    const path = join(temporary, 'pid')
    writeFileSync(path, 'an old and longer one')
    const before = statSync(path).ino
    writePidFile(path, 4711)
    expect(readFileSync(path, 'latin1')).toBe('4711')
    expect(statSync(path).ino).not.toBe(before)
    expect(readdirSync(temporary)).toEqual(['pid'])
  })

  test('that cannot get its name leaves nothing beside it', () => {
    const path = join(temporary, 'taken')
    mkdirSync(join(path, 'by'), { recursive: true })
    expect(thrown(() => writePidFile(path, 5))).toMatchObject({ code: 'ERR_OPTION_INVALID', operand: path, errno: 'EISDIR' })
    expect(readdirSync(temporary)).not.toContain('.taken')
  })

  test('is not written when none was asked for', () => {
    expect(() => writePidFile(undefined, 5)).not.toThrow()
  })

  test('cannot be written: the path is named', () => {
    const path = join(temporary, 'nowhere', 'pid')
    expect(thrown(() => writePidFile(path, 5))).toMatchObject({
      code: 'ERR_OPTION_INVALID', operand: path, errno: 'ENOENT',
      message: expect.stringMatching(/^cannot write the pid file: /) as string,
    })
  })
})
