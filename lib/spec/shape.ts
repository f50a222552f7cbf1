/**
 * The building blocks of the schemas in this folder, each with its message. They are the only users of valibot, and
 * their types do not mention it: the type of a config is plain TypeScript with the docstrings of the entries.
 */
import * as v from 'valibot'
import type { Problem } from '../errors.ts'
import { pointer } from './pointer.ts'

declare const type: unique symbol

/** A schema whose accepted values are of type `T`. */
export interface Schema<T> {
  readonly [type]: T
}

/** The type of the values that a schema accepts. */
export type Output<S> = S extends Schema<infer T> ? T : never

/** An integer of 64 bits: a number while it is a safe integer, otherwise a bigint. */
export type Integer64 = number | bigint

type Shape = Readonly<Record<string, Schema<unknown>>>

/** The type of an object with the required entries `R` and the optional entries `O`. */
export type Struct<R extends Shape, O extends Shape> =
  & { [K in keyof R]: Output<R[K]> }
  & { [K in keyof O]?: Output<O[K]> | undefined }

type Inner = v.GenericSchema<unknown>
type Issue = v.BaseIssue<unknown>

const seal = <T>(schema: v.GenericSchema<never, T> | v.GenericSchema<unknown, T>) => schema as unknown as Schema<T>
const open = (schema: Schema<unknown>) => schema as unknown as Inner
const openAll = (shape: Shape, wrap: (schema: Inner) => Inner) =>
  Object.fromEntries(Object.entries(shape).map(([key, schema]) => [key, wrap(open(schema))]))

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

const mismatch = (noun: string) => (issue: Issue) =>
  issue.input === undefined ? `must be ${noun}` : `must be ${noun}, not ${kindOf(issue.input)}`

const plainObject = v.custom<object>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  mismatch('an object'),
)

/** A string. NUL bytes are refused before the schema is asked, see tidy.ts. */
export const text = seal<string>(v.string(mismatch('a string')))

/** A boolean. */
export const flag = seal<boolean>(v.boolean(mismatch('a boolean')))

/** A string that the expression accepts; `words` makes the message for one that it does not. */
export const matching = (expression: RegExp, words: (value: string) => string) =>
  seal<string>(v.pipe(v.string(mismatch('a string')), v.regex(expression, (issue) => words(issue.input))))

/** One of the given strings; `words` makes the message for another one, default `unknown NOUN "x"`. */
export const oneOf = <const T extends string>(
  noun: string, values: readonly T[], words = (value: string) => `unknown ${noun} ${JSON.stringify(value)}`,
) => seal<T>(v.picklist(values, (issue) =>
  typeof issue.input === 'string' ? words(issue.input) : mismatch('a string')(issue)))

/** A list of values of one schema. */
export const list = <T>(item: Schema<T>) => seal<T[]>(v.array(open(item), mismatch('an array')) as never)

/** An object used as a map: any key, values of one schema. */
export const map = <T>(item: Schema<T>) =>
  seal<Record<string, T>>(v.pipe(plainObject, v.record(v.string(), open(item))) as never)

/** The same schema under the name of its type, so that editors and declaration files show the name. */
export const named = <T>(schema: Schema<T>): Schema<T> => schema

/** A required entry that is filled in where it is absent. */
export const withDefault = <T>(schema: Schema<T>, value: () => T) => seal<T>(v.optional(open(schema), value) as never)

/**
 * An object with required and optional entries. Entries that it does not know are kept. `words` are the messages for
 * required entries that are absent, where `is required` is not what runc says.
 */
export function struct<R extends Shape, O extends Shape = Record<never, never>>(
  required: R, optional: O = {} as O, words: { readonly [K in keyof R]?: string } = {},
): Schema<Struct<R, O>> {
  const entries = { ...openAll(required, (schema) => schema), ...openAll(optional, (schema) => v.optional(schema)) }
  const absent = (issue: Issue) => words[String(issue.path?.[0]?.key)] ?? 'is required'
  return seal<Struct<R, O>>(v.pipe(plainObject, v.looseObject(entries, absent)) as never)
}

/** Integer of at most 53 bits, from `lowest` to `highest`. */
export const integer = (lowest: number, highest: number) => seal<number>(Object.assign(v.custom<number>(
  (value) => typeof value === 'number' && Number.isInteger(value) && value >= lowest && value <= highest,
  (issue) => outOfRange(issue.input, lowest, highest),
), { range: [lowest, highest] }))

const integer64 = (lowest: bigint, highest: bigint) => seal<Integer64>(Object.assign(v.custom<Integer64>(
  (value) => (typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'bigint')
    && (value as Integer64) >= lowest && (value as Integer64) <= highest,
  (issue) => typeof issue.input === 'number' && Number.isInteger(issue.input) && !Number.isSafeInteger(issue.input)
    ? `${issue.input} is not exact as a number, it must be a bigint`
    : outOfRange(issue.input, lowest, highest),
), { range: [lowest, highest] }))

function outOfRange(value: unknown, lowest: Integer64, highest: Integer64): string {
  const found = typeof value === 'number' || typeof value === 'bigint' ? String(value) : kindOf(value)
  return `must be an integer from ${lowest} to ${highest}, not ${found}`
}

export const uint16 = integer(0, 0xffff)
export const uint32 = integer(0, 0xffffffff)
export const int32 = integer(-0x80000000, 0x7fffffff)
export const uint64 = integer64(0n, (1n << 64n) - 1n)
export const int64 = integer64(-(1n << 63n), (1n << 63n) - 1n)

/**
 * Check a value. What is wrong is added to `problems`; the value (a copy, with defaults filled in) is returned only
 * if nothing was.
 */
export function check<T>(schema: Schema<T>, value: unknown, problems: Problem[]): T | undefined {
  const result = v.safeParse(open(schema), value)
  if (result.success) return result.output as T
  for (const issue of result.issues) {
    problems.push({ field: pointer(...(issue.path ?? []).map((step) => String(step.key))), message: issue.message })
  }
  return undefined
}
