/**
 * The building blocks of the schemas in this folder, each with its message. A schema is plain data that check.ts reads: a
 * command line makes and uses all of them once, cold, where what counts is how little code there is.
 */
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

type Words = (value: string) => string

/** What a schema is made of. */
export type Parts =
  | { readonly kind: 'text'; readonly expression?: RegExp; readonly words?: Words }
  | { readonly kind: 'flag' }
  | { readonly kind: 'name'; readonly values: readonly string[]; readonly words: Words }
  | { readonly kind: 'integer'; readonly range: readonly [number, number] }
  | { readonly kind: 'integer64'; readonly range: readonly [bigint, bigint] }
  | { readonly kind: 'list' | 'map'; readonly item: Parts }
  | { readonly kind: 'struct'; readonly entries: readonly Entry[]; readonly known: ReadonlySet<string> }

/** One entry of a struct. `absent` is the message where a required one is missing, `fill` makes a value for it. */
export interface Entry {
  readonly key: string
  readonly parts: Parts
  readonly absent?: string
  readonly fill?: () => unknown
}

const seal = <T>(parts: Parts) => parts as unknown as Schema<T>

/** What a schema is made of, for check.ts and for who describes schemas. */
export const partsOf = (schema: Schema<unknown>): Parts => schema as unknown as Parts

/** A string. NUL bytes are refused before the schema is asked, see tidy.ts. */
export const text = seal<string>({ kind: 'text' })

/** A boolean. */
export const flag = seal<boolean>({ kind: 'flag' })

/** A string that the expression accepts; `words` makes the message for one that it does not. */
export const matching = (expression: RegExp, words: Words) => seal<string>({ kind: 'text', expression, words })

/** One of the given strings; `words` makes the message for another one, default `unknown NOUN "x"`. */
export const oneOf = <const T extends string>(
  noun: string, values: readonly T[], words: Words = (value) => `unknown ${noun} ${JSON.stringify(value)}`,
) => seal<T>({ kind: 'name', values, words })

/** A list of values of one schema. */
export const list = <T>(item: Schema<T>) => seal<T[]>({ kind: 'list', item: partsOf(item) })

/** An object used as a map: any key, values of one schema. */
export const map = <T>(item: Schema<T>) => seal<Record<string, T>>({ kind: 'map', item: partsOf(item) })

/** The same schema under the name of its type, so that editors and declaration files show the name. */
export const named = <T>(schema: Schema<T>): Schema<T> => schema

/** A required entry that is filled in where it is absent. */
export const withDefault = <T>(schema: Schema<T>, fill: () => T) =>
  seal<T>({ ...partsOf(schema), fill } as Parts & { fill: () => T })

/**
 * An object with required and optional entries. Entries that it does not know are kept. `words` are the messages for
 * required entries that are absent, where `is required` is not what runc says.
 */
export function struct<R extends Shape, O extends Shape = Record<never, never>>(
  required: R, optional: O = {} as O, words: { readonly [K in keyof R]?: string } = {},
): Schema<Struct<R, O>> {
  const entries: Entry[] = []
  for (const [key, schema] of Object.entries(required)) {
    const parts = partsOf(schema) as Parts & { fill?: () => unknown }
    entries.push(parts.fill === undefined ? { key, parts, absent: words[key] ?? 'is required' } : { key, parts, fill: parts.fill })
  }
  for (const [key, schema] of Object.entries(optional)) entries.push({ key, parts: partsOf(schema) })
  return seal<Struct<R, O>>({ kind: 'struct', entries, known: new Set(entries.map(({ key }) => key)) })
}

/** Integer of at most 53 bits, from `lowest` to `highest`. */
export const integer = (lowest: number, highest: number) => seal<number>({ kind: 'integer', range: [lowest, highest] })

const integer64 = (lowest: bigint, highest: bigint) => seal<Integer64>({ kind: 'integer64', range: [lowest, highest] })

export const uint16 = integer(0, 0xffff)
export const uint32 = integer(0, 0xffffffff)
export const int32 = integer(-0x80000000, 0x7fffffff)
export const uint64 = integer64(0n, (1n << 64n) - 1n)
export const int64 = integer64(-(1n << 63n), (1n << 63n) - 1n)
