/** The fields of a schema as data, for docs/config.md. Not loaded with the library. */
import { pointer } from './pointer.ts'
import type { Integer64, Schema } from './shape.ts'

/** A field that holds a value: no object of named fields. */
export interface Field {
  /** JSON pointer in which `*` stands for any index of a list, and for any key of a map. */
  readonly field: string
  /** As `string`, `list of uint32`, `map to string`. */
  readonly type: string
  readonly required: boolean
  /** The values of an enumeration, otherwise none. */
  readonly values: readonly string[]
}

/** The parts of valibot's schemas, and of those of shape.ts, that tell what they are. */
interface Parts {
  readonly type: string
  readonly pipe?: readonly Parts[]
  readonly entries?: Readonly<Record<string, Parts>>
  readonly item?: Parts
  readonly value?: Parts
  readonly wrapped?: Parts
  readonly options?: readonly string[]
  readonly range?: readonly [Integer64, Integer64]
}

/** Every field of a schema, in its order. */
export function fieldsOf(schema: Schema<unknown>): Field[] {
  const { entries } = kindOf(schema as unknown as Parts)
  return walk(entries ?? {}, [])
}

function walk(entries: Readonly<Record<string, Parts>>, path: readonly string[]): Field[] {
  return Object.entries(entries).flatMap(([name, entry]) => {
    const required = entry.type !== 'optional'
    const at = [...path, name]
    const kind = kindOf(entry)
    if (kind.entries !== undefined) return walk(kind.entries, at)
    const part = kindOf(kind.item ?? kind.value ?? kind)
    if (part.entries !== undefined) return walk(part.entries, [...at, '*'])
    const prefix = kind.item !== undefined ? 'list of ' : kind.value !== undefined ? 'map to ' : ''
    return [{ field: pointer(...at), type: prefix + typeName(part), required, values: part.options ?? [] }]
  })
}

/** What is inside of optional and of a pipe whose first part only says that it is an object. */
function kindOf(parts: Parts): Parts {
  if (parts.wrapped !== undefined) return kindOf(parts.wrapped)
  return parts.pipe?.find(({ type }) => type === 'loose_object' || type === 'record') ?? parts
}

const width = (bits: bigint): [string, string][] => [
  [`0,${(1n << bits) - 1n}`, `uint${bits}`],
  [`${-(1n << (bits - 1n))},${(1n << (bits - 1n)) - 1n}`, `int${bits}`],
]
const integerNames = new Map([16n, 32n, 64n].flatMap(width))

function typeName({ type, range, options }: Parts): string {
  if (range !== undefined) return integerNames.get(range.join()) ?? `integer from ${range[0]} to ${range[1]}`
  return options === undefined ? type : 'name'
}
