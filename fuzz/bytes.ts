/** Documents that stand for bytes, so that what changes documents changes them too. */
import type { Json } from './mutate.ts'

/** A number is a byte, a text its bytes, a list one after the other; anything else is nothing. */
export function bytesOf(document: Json): Buffer {
  if (typeof document === 'number' || typeof document === 'bigint') return Buffer.of(Number(BigInt.asUintN(8, BigInt(Math.trunc(Number(document)) || 0))))
  if (typeof document === 'string') return Buffer.from(document)
  return Array.isArray(document) ? Buffer.concat(document.map(bytesOf)) : Buffer.alloc(0)
}

/** GOOD, or `refused` for a RangeError in words of our own: those that V8 and Node throw are none. */
export function endsOrRefuses(run: () => void, good: string, own: RegExp): string {
  try {
    run()
    return good
  } catch (error) {
    if (error instanceof RangeError && own.test(error.message)) return 'refused'
    throw error
  }
}
