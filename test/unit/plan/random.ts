/** Random plans that are the same in every run. */
import { type Operation, operations, type OperationName } from '../../../lib/plan/operations.ts'

export interface Random {
  /** 0 to BELOW - 1. */
  below(below: number): number
  pick<T>(from: readonly T[]): T
}

/** mulberry32: 32 bits of state, good enough to spread test cases. */
export function random(seed: number): Random {
  let state = seed
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return { below, pick: (from) => from[below(from.length)]! }
}

const texts = [
  '', 'a', '/', '/proc/self/fd/3', 'PATH=/bin', 'mode=755,size=65536k', 'né', '日本語', '𝔘𝔫𝔦', '\u{10ffff}', '👩‍👩‍👧',
  'a\nb\t"\\',
  '\u0001', 'x'.repeat(127), 'ü'.repeat(4096),
]
const numbers = [0, 1, 2, 255, 256, 65535, 65536, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]
const longNumbers = [
  0n, 1n, 0xffffffffn, 0x100000000n, (1n << 53n) - 1n, 1n << 53n, (1n << 53n) + 1n, (1n << 63n) - 1n, 1n << 63n,
  (1n << 64n) - 1n,
]

function argument(kind: string, from: Random): unknown {
  switch (kind) {
    case 'text': return from.pick(texts)
    case 'u64': return from.pick(longNumbers)
    case 'bytes': return Buffer.from(Array.from({ length: from.below(40) }, () => from.below(256)))
    case 'list': return Array.from({ length: from.below(12) }, () => from.pick(texts))
    case 'numbers': return Array.from({ length: from.below(6) }, () => from.pick(numbers))
    default: return from.pick(numbers)
  }
}

/** One operation of any kind. */
export function randomOperation(from: Random, op = from.pick(Object.keys(operations) as OperationName[])): Operation {
  const fields: Readonly<Record<string, string>> = operations[op].fields
  const entries = Object.entries(fields).map(([name, kind]) => [name, argument(kind, from)])
  const field = from.pick(['', '/process/args', '/mounts/3', '/linux/sysctl/net~1ipv4'])
  return { op, field, ...Object.fromEntries(entries) } as Operation
}
