/**
 * Numbers on the command line in the forms of Go's programs: integers of 64 bits, sizes of memory, durations.
 */
import { NruncError } from '../errors.ts'
import { integer } from '../cgroup/statistics-text.ts'
import type { Integer64 } from '../spec/schema.ts'
import { UsageError } from './usage-error.ts'

const invalid = (name: string, reason: string): NruncError =>
  new NruncError('ERR_OPTION_INVALID', `invalid value for ${name}: ${reason}`, { operand: name })

const bounds = { Int: [-(1n << 63n), (1n << 63n) - 1n], Uint: [0n, (1n << 64n) - 1n] } as const

/**
 * A decimal integer of 64 bits, as strconv.ParseInt and ParseUint read it.
 *
 * @throws {NruncError} ERR_OPTION_INVALID, in Go's words
 */
export const parseInteger = (name: string, text: string, kind: 'Int' | 'Uint'): Integer64 => {
  const [lowest, highest] = bounds[kind]
  const reason = (words: string) => invalid(name, `strconv.Parse${kind}: parsing ${JSON.stringify(text)}: ${words}`)
  if (!(kind === 'Int' ? /^[+-]?\d+$/ : /^\d+$/).test(text)) throw reason('invalid syntax')
  const value = BigInt(text.replace(/^\+/, ''))
  if (value < lowest || value > highest) throw reason('value out of range')
  return integer(String(value))
}

/**
 * An integer that the flag package reads itself: a bad one is a wrong command line.
 *
 * @throws {UsageError}
 */
export const parseFlagInteger = (name: string, text: string): number => {
  if (/^[+-]?\d{1,9}$/.test(text)) return Number(text)
  throw new UsageError(`invalid value ${JSON.stringify(text)} for flag -${name}: parse error`)
}

/** Bytes of a size such as `512m`, `1.5 GiB`, `64`; units are powers of 1024. `-1` is no limit. Source: docker/go-units. */
export const parseSize = (name: string, text: string): Integer64 => {
  if (text === '-1') return -1
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text) ?? []
  if (digits === undefined) throw invalid(name, `invalid size: '${text}'`)
  const power = 1024 ** (' kmgtp'.indexOf(unit.toLowerCase() || ' '))
  return /^\d+$/.test(digits) ? parseInteger(name, String(BigInt(digits) * BigInt(power)), 'Int') : Math.trunc(Number(digits) * power)
}

const units: Readonly<Record<string, number>> = {
  ns: 1e-6, us: 1e-3, '\u00b5s': 1e-3, '\u03bcs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000,
}

/**
 * Milliseconds of a duration such as `1m30s`, `500ms`, `0`. Source: Go's time.ParseDuration.
 *
 * @throws {UsageError}
 */
export const parseDuration = (name: string, text: string): number => {
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? []
  const part = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y
  let total = 0
  let at = 0
  for (let found = part.exec(rest); found !== null; found = part.exec(rest)) {
    total += Number(found[1]) * units[found[2] as string]!
    at = part.lastIndex
  }
  if (rest !== '0' && (at === 0 || at !== rest.length)) {
    throw new UsageError(`invalid value ${JSON.stringify(text)} for flag -${name}: parse error`)
  }
  return sign === '-' ? -total : total
}
