import { describe, expect, test } from 'vitest'
import { signalName, signalNumber } from '../../../lib/container/signals.ts'
import { thrown } from '../spec/helpers.ts'

/** signal(7), on x86 and ARM. */
const standard = [
  'HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2', 'PIPE', 'ALRM', 'TERM',
  'STKFLT', 'CHLD',
  'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'XCPU', 'XFSZ', 'VTALRM', 'PROF', 'WINCH', 'IO', 'PWR', 'SYS',
].map((name, index) => [index + 1, `SIG${name}`] as const)

describe('names and numbers', () => {
  test.each(standard)('%d is %s', (number, name) => {
    expect(signalName(number)).toBe(name)
    const short = name.slice(3)
    const texts = [name, short, name.toLowerCase(), short.toLowerCase(), ` ${name} `]
    for (const spelling of [...texts, String(number), number]) {
      expect(signalNumber(spelling), String(spelling)).toBe(number)
    }
  })

  test.each([['SIGIOT', 6], ['SIGPOLL', 29], ['poll', 29]])('%s is another name of %d', (name, number) => {
    expect(signalNumber(name)).toBe(number)
  })

  test.each([[34, 'SIGRTMIN+0'], [35, 'SIGRTMIN+1'], [64, 'SIGRTMIN+30']])('%d is %s', (number, name) => {
    expect(signalName(number)).toBe(name)
    expect(signalNumber(name)).toBe(number)
  })

  test.each([
    ['SIGRTMIN', 34], ['RTMIN+3', 37], ['rtmax', 64], ['SIGRTMAX-2', 62], ['SIGRTMIN+30', 64],
  ])('%s is %d', (name, number) => {
    expect(signalNumber(name)).toBe(number)
  })

  test('0 is no signal, but the kernel looks whether it could be sent', () => {
    expect([signalNumber(0), signalNumber('0')]).toEqual([0, 0])
  })
})

describe('what is none', () => {
  test.each([
    '', ' ', 'SIG', 'NOSUCH', 'SIGSIGTERM', 'TERM9', '65', '999999999999999999999', '-9', '+9', '9.5', '1e1', '0x9',
    'SIGRTMIN+31', 'SIGRTMAX+1',
    'SIGRTMIN+', 'RTMIN+x', 'constructor', '__proto__', 'SIG TERM',
  ])('%j', (text) => {
    expect(thrown(() => signalNumber(text))).toMatchObject({
      code: 'ERR_OPTION_INVALID', message: `unknown signal ${JSON.stringify(text)}`, operand: text,
    })
  })

  test.each([65, -1, 1.5, NaN, Infinity])('%d', (number) => {
    expect(thrown(() => signalNumber(number))).toMatchObject({
      code: 'ERR_OPTION_INVALID', message: `unknown signal "${number}"`,
    })
  })
})
