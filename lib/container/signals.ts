/**
 * Signal names and numbers. Source: signal(7).
 */
import { constants } from 'node:os'
import { NruncError } from '../errors.ts'

const numbers: Readonly<Record<string, number>> = constants.signals
const names = new Map(Object.entries(numbers).reverse().map(([name, number]) => [number, name]))
const SIGRTMIN = 34
const SIGRTMAX = 64

/** `SIGKILL` for 9. Real-time signals are named as in kill(1): `SIGRTMIN+1`. */
export function signalName(number: number): NodeJS.Signals {
  return (names.get(number) ?? `SIGRTMIN+${number - SIGRTMIN}`) as NodeJS.Signals
}

/**
 * The number of a signal given as number, as name in any case, with or without `SIG`.
 *
 * @throws NruncError ERR_OPTION_INVALID `unknown signal "X"`
 */
export function signalNumber(signal: string | number): number {
  const text = String(signal).trim()
  if (/^\d+$/.test(text)) {
    const number = Number(text)
    if (number >= 0 && number <= SIGRTMAX) return number
  } else {
    const name = text.toUpperCase().replace(/^(?!SIG)/, 'SIG')
    const real = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name)
    const number = real === null
      ? numbers[name]
      : (real[1] === 'MIN' ? SIGRTMIN : SIGRTMAX) + Number(`${real[2] ?? '+'}${real[3] ?? 0}`)
    if (number !== undefined && number > 0 && number <= SIGRTMAX) return number
  }
  throw new NruncError('ERR_OPTION_INVALID', `unknown signal ${JSON.stringify(String(signal))}`, { operand: String(signal) })
}
