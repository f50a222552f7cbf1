import { describe, expect, test } from 'vitest'
import { exitCode, forwardedSignals, parseSignal } from '../../../lib/cli/signals.ts'

describe('a signal', () => {
  test.each([
    ['9', 9], ['15', 15], ['0', 0], ['64', 64], ['KILL', 9], ['SIGKILL', 9], ['sigkill', 9], ['Kill', 9],
    ['term', 15], ['SIGUSR1', 10], ['winch', 28],
  ])('%s', (text, number) => {
    expect(parseSignal(text)).toBe(number)
  })

  const wrong = ['', 'FOO', 'SIG', '65', '-9', '9.0', '0x9', ' 9', 'SIGSIGKILL', 'toString', '99999999999']
  test.each(wrong)('not %j', (text) => {
    expect(() => parseSignal(text)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message: `unknown signal "${text}"` }),
    )
  })
})

describe('an exit code', () => {
  test.each([
    [{ code: 0, signal: null }, 0],
    [{ code: 7, signal: null }, 7],
    [{ code: null, signal: 'SIGKILL' as const }, 137],
    [{ code: null, signal: 'SIGTERM' as const }, 143],
    [{ code: null, signal: null }, 255],
  ])('%j', (result, code) => {
    expect(exitCode(result)).toBe(code)
  })
})

test('signals that are passed on', () => {
  const signals = forwardedSignals()
  const names = (text: string) => text.split(' ').map((name) => `SIG${name}`)
  expect(signals).toEqual(expect.arrayContaining(names('HUP INT QUIT TERM USR1 USR2 TSTP CONT')))
  for (const kept of names('KILL STOP CHLD URG PIPE SEGV TTOU TTIN WINCH')) expect(signals).not.toContain(kept)
  expect(new Set(signals).size).toBe(signals.length)
})
