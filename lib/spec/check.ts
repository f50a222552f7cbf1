/**
 * Checks a value against a schema of shape.ts, all of it at once.
 */
import type { Problem } from '../errors.ts'
import { pointer } from './pointer.ts'
import { type Integer64, type Parts, partsOf, type Schema } from './shape.ts'

/**
 * Check a value. What is wrong is added to `problems`; the value (a copy, with defaults filled in) is returned only
 * if nothing was. What is the same in VALID, a value that was returned before, is taken from it.
 */
export function check<T>(schema: Schema<T>, value: unknown, problems: Problem[], valid?: T): T | undefined {
  const before = problems.length
  const copy = new Check(problems).run(partsOf(schema), value, valid)
  return problems.length === before ? copy as T : undefined
}

class Check {
  readonly #problems: Problem[]
  /** The keys from the document to the value that is looked at. */
  readonly #path: (string | number)[] = []

  constructor(problems: Problem[]) {
    this.#problems = problems
  }

  /** The copy of a value; of no meaning where a problem was found. */
  run(parts: Parts, value: unknown, valid: unknown): unknown {
    if (value === valid && value !== undefined) return value
    switch (parts.kind) {
      case 'text': return this.#text(parts, value)
      case 'flag': return typeof value === 'boolean' ? value : this.#mismatch('a boolean', value)
      case 'name':
        if (typeof value !== 'string') return this.#mismatch('a string', value)
        return parts.values.includes(value) ? value : this.#problem(parts.words(value))
      case 'integer':
      case 'integer64': {
        const wrong = checkInteger(parts, value)
        return wrong === undefined ? value : this.#problem(wrong)
      }
      case 'list':
        if (!Array.isArray(value)) return this.#mismatch('an array', value)
        return value.map((item, index) => this.#at(index, parts.item, item, entryOf(valid, index)))
      case 'map':
        if (!isObject(value)) return this.#mismatch('an object', value)
        return this.#copy(value, (key) => this.#at(key, parts.item, value[key], entryOf(valid, key)))
      case 'struct': return isObject(value) ? this.#struct(parts, value, valid) : this.#mismatch('an object', value)
    }
  }

  #text({ expression, words }: Parts & { kind: 'text' }, value: unknown): unknown {
    if (typeof value !== 'string') return this.#mismatch('a string', value)
    return expression === undefined || expression.test(value) ? value : this.#problem(words!(value))
  }

  #struct({ entries, known }: Parts & { kind: 'struct' }, value: Readonly<Record<string, unknown>>, valid: unknown): unknown {
    const copy: Record<string, unknown> = {}
    for (const { key, parts, absent, fill } of entries) {
      const found = value[key]
      if (found !== undefined) copy[key] = this.#at(key, parts, found, entryOf(valid, key))
      else if (fill !== undefined) copy[key] = fill()
      else if (absent !== undefined) this.#at(key, undefined, absent)
    }
    return Object.assign(copy, this.#copy(value, (key) => value[key], known))
  }

  /** A key `__proto__` would not become an entry. */
  #copy(value: object, of: (key: string) => unknown, without?: ReadonlySet<string>): Record<string, unknown> {
    const copy: Record<string, unknown> = {}
    for (const key of Object.keys(value)) if (key !== '__proto__' && !without?.has(key)) copy[key] = of(key)
    return copy
  }

  /** Without parts the value is the message of a problem. */
  #at(key: string | number, parts: Parts | undefined, value: unknown, valid?: unknown): unknown {
    this.#path.push(key)
    const copy = parts === undefined ? this.#problem(String(value)) : this.run(parts, value, valid)
    this.#path.pop()
    return copy
  }

  #problem(message: string): undefined {
    this.#problems.push({ field: pointer(...this.#path), message })
  }

  #mismatch(noun: string, value: unknown): undefined {
    return this.#problem(value === undefined ? `must be ${noun}` : `must be ${noun}, not ${kindOf(value)}`)
  }
}

/** Of an object or a list; undefined where there is none. */
export const entryOf = (value: unknown, key: string | number): unknown =>
  (typeof value === 'object' && value !== null ? (value as Readonly<Record<string | number, unknown>>)[key] : undefined)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function checkInteger({ kind, range: [lowest, highest] }: Parts & { kind: 'integer' | 'integer64' }, value: unknown): string | undefined {
  const isNumber = typeof value === 'number'
  const exact = isNumber ? Number.isSafeInteger(value) : kind === 'integer64' && typeof value === 'bigint'
  if (exact && (value as Integer64) >= lowest && (value as Integer64) <= highest) return undefined
  if (kind === 'integer64' && isNumber && Number.isInteger(value) && !exact) {
    return `${value} is not exact as a number, it must be a bigint`
  }
  const found = isNumber || typeof value === 'bigint' ? String(value) : kindOf(value)
  return `must be an integer from ${lowest} to ${highest}, not ${found}`
}
