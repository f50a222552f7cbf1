/** Changing JSON documents at random: what comes out is often nearly right, which is where mistakes are. */
import type { Random } from '../test/unit/plan/random.ts'

export type Json = unknown
type Holder = Record<string, Json> | Json[]

const odd: readonly Json[] = [
  null, true, false, 0, -1, 1, 2, 65535, 65536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53, 1e300, -0.5, '', '/', '.', '..', '../..', '/proc',
  '/proc/self/fd/3', 'a\u0000b', 'x'.repeat(5000), '\ud800', 'né', '0', '-1', '18446744073709551616', 'CAP_SYS_ADMIN', 'rbind', 'mode=7777777777777',
  'size=100%', 'idmap', {}, [], [[]], [null], { path: '' }, { type: 'pid' }, { __proto__: null, constructor: 1 }, '__proto__', 'toString',
]

/** Every place in VALUE: the object or array, and the key in it. */
export function places(value: Json, found: [Holder, string][] = []): [Holder, string][] {
  if (typeof value !== 'object' || value === null) return found
  for (const [key, inner] of Object.entries(value)) {
    found.push([value as Holder, key])
    places(inner, found)
  }
  return found
}

const at = ([holder, key]: [Holder, string]): Json => (holder as Record<string, Json>)[key]

function put([holder, key]: [Holder, string], value: Json): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true })
}

export function remove([holder, key]: [Holder, string]): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1)
  else delete holder[key]
}

function distort(value: Json, from: Random): Json {
  if (typeof value === 'number') return from.pick([value + 1, -value, value * 2 ** 32, value / 3, String(value)])
  if (typeof value === 'bigint') return from.pick([value + 1n, -value, value << 32n, value >> 32n, Number(value)])
  if (typeof value === 'boolean') return !value
  if (typeof value !== 'string') return structuredClone(from.pick(odd))
  const cut = from.below(value.length + 1)
  const [start, end] = [value.slice(0, cut), value.slice(cut)]
  const between = from.pick(['/', '\n', ':', ',', '=', '%', '\u0000', ' '])
  return from.pick([start, end, `${value}/..`, `${start}${between}${end}`, value + value, value.toUpperCase()])
}

/** A few changes to DOCUMENT, which stays as it is; parts of OTHER may come in. */
export function mutate(document: Json, other: Json, from: Random): Json {
  const changed = structuredClone(document)
  for (let left = 1 + from.below(5); left > 0; left--) {
    const all = places(changed)
    if (all.length === 0) break
    const place = from.pick(all)
    switch (from.below(8)) {
      case 0: remove(place); break
      case 1: put(place, structuredClone(from.pick(odd))); break
      case 2: case 3: put(place, distort(at(place), from)); break
      case 4: put(place, structuredClone(at(from.pick([...places(other), place])))); break
      case 5: put(place, structuredClone(at(from.pick(all)))); break
      case 6:
        if (Array.isArray(place[0])) place[0].push(structuredClone(at(place)))
        else put([place[0], from.pick(['x', '__proto__', 'path', 'type'])], structuredClone(at(place)))
        break
      default: { // the same key from the other document, where it has one
        const same = places(other).filter(([, key]) => key === place[1])
        if (same.length > 0) put(place, structuredClone(at(from.pick(same))))
      }
    }
  }
  return changed
}

/** TEXT with a few bytes changed. */
export function garble(text: string, from: Random): string {
  const at = from.below(text.length + 1)
  const piece = from.pick(['', '"', '\\', '{', ']', ',', '\u0000', '1e999', '00', '9'.repeat(30), '\\ud800', '//', '[[[[[['])
  return `${text.slice(0, at)}${piece}${text.slice(at + from.below(4))}`
}
