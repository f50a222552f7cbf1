/** JSON with exact integers of 64 bits: `JSON.parse` would turn 18446744073709551615 into 18446744073709552000. */
import { parse, stringify } from 'lossless-json'
import { NruncError } from '../errors.ts'

/** May also match inside a string: that costs time only, as the exact parser gives the same result. */
const longInteger = /[:[,]\s*-?\d{16}/

const exact = {
  parseNumber(digits: string): number | bigint {
    const value = Number(digits)
    return Number.isSafeInteger(value) || !/^-?\d+$/.test(digits) ? value : BigInt(digits)
  },
  onDuplicateKey: ({ newValue }: { newValue: unknown }) => newValue,
}

/**
 * Parse JSON. Integers that a number cannot hold exactly become bigints.
 *
 * @param name - What the text is called in the message of an error.
 * @throws NruncError ERR_CONFIG_PARSE with the position of the first mistake as `LINE:COLUMN`, both from 1.
 */
export function parseJson(text: string, name = 'config.json'): unknown {
  try {
    return longInteger.test(text) ? parse(text, null, exact) : JSON.parse(text)
  } catch (cause) {
    const { offset, reason } = firstMistake(text, cause)
    const before = text.slice(0, offset).split('\n')
    const position = `${before.length}:${(before.at(-1) ?? '').length + 1}`
    throw new NruncError('ERR_CONFIG_PARSE', `cannot parse ${name}: ${position}: ${reason}`, { cause })
  }
}

/** The messages of V8 do not always have a position, those of the exact parser do. */
function firstMistake(text: string, fallback: unknown): { offset: number; reason: string } {
  let message = String((fallback as Error).message)
  try {
    parse(text, null, exact)
  } catch (error) {
    message = String((error as Error).message)
  }
  const [, reason = message, offset] = /^(.*?) (?:in JSON )?at position (\d+)/s.exec(message) ?? []
  return { offset: Number(offset ?? text.length), reason: reason.charAt(0).toLowerCase() + reason.slice(1) }
}

/**
 * The inverse of {@link parseJson}: JSON in which bigints are plain integers.
 *
 * @param indent - As the third argument of `JSON.stringify`.
 */
export function stringifyJson(value: unknown, indent?: string | number): string {
  try {
    return JSON.stringify(value, null, indent)
  } catch {
    // JSON.stringify refuses bigints; what it refuses for another reason is refused here again.
    return stringify(value, null, indent) ?? 'null'
  }
}
