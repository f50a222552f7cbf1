import { describe, expect, test } from 'vitest'
import { exitCode, forwardedSignals } from '../../../lib/cli/signals.ts'

describe('an exit code', () => {
  test.each([
    [{ code: 0, signal: null }, 0],
    [{ code: 7, signal: null }, 7],
    [{ code: null, signal: 'SIGKILL' as const }, 137],
    [{ code: null, signal: 'SIGTERM' as const }, 143],
    [{ code: null, signal: 'SIGRTMIN+2' as NodeJS.Signals }, 164],
    [{ code: null, signal: null }, 255],
  ])('%j', (result, code) => {
    expect(exitCode(result)).toBe(code)
  })
})

test('signals that are passed on', () => {
  const signals = forwardedSignals().flat()
  const names = (text: string) => text.split(' ').map((name) => `SIG${name}`)
  expect(signals).toEqual(expect.arrayContaining(names('HUP INT QUIT TERM USR1 USR2 TSTP CONT')))
  for (const kept of names('KILL STOP CHLD URG PIPE SEGV TTOU TTIN WINCH PROF')) expect(signals).not.toContain(kept)
  expect(new Set(signals).size).toBe(signals.length)
})
