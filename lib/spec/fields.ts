/** The fields of a schema as data, for docs/config.md and `features`. */
import { pointer } from './pointer.ts'
import { type Entry, type Parts, partsOf, type Schema } from './shape.ts'

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

/** Every field of a schema, in its order. */
export function fieldsOf(schema: Schema<unknown>): Field[] {
  const parts = partsOf(schema)
  return parts.kind === 'struct' ? walk(parts.entries, []) : []
}

function walk(entries: readonly Entry[], path: readonly string[]): Field[] {
  return entries.flatMap(({ key, parts, absent }) => {
    const at = [...path, key]
    if (parts.kind === 'struct') return walk(parts.entries, at)
    const several = parts.kind === 'list' || parts.kind === 'map'
    const part = several ? parts.item : parts
    if (part.kind === 'struct') return walk(part.entries, [...at, '*'])
    const prefix = parts.kind === 'list' ? 'list of ' : parts.kind === 'map' ? 'map to ' : ''
    const values = part.kind === 'name' ? part.values : []
    return [{ field: pointer(...at), type: prefix + typeName(part), required: absent !== undefined, values }]
  })
}

const width = (bits: bigint): [string, string][] => [
  [`0,${(1n << bits) - 1n}`, `uint${bits}`],
  [`${-(1n << (bits - 1n))},${(1n << (bits - 1n)) - 1n}`, `int${bits}`],
]
const integerNames = new Map([16n, 32n, 64n].flatMap(width))

function typeName(parts: Parts): string {
  switch (parts.kind) {
    case 'integer':
    case 'integer64': {
      const [lowest, highest] = parts.range
      return integerNames.get(parts.range.join()) ?? `integer from ${lowest} to ${highest}`
    }
    case 'flag': return 'boolean'
    case 'text': return 'string'
    default: return parts.kind
  }
}
