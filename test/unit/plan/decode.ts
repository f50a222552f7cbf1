/**
 * The reader of plans that the tests trust: written from the comment in `addon/plan/format.h`, and as strict as the
 * one in `addon/plan/reader.h`, to which it is compared.
 */
import { PLAN_MAGIC, PLAN_VERSION } from '../../../lib/plan/encode.ts'
import { type Operation, operations } from '../../../lib/plan/operations.ts'

export type RawValue = Buffer | Buffer[] | bigint | number | number[]

export interface RawOperation {
  readonly code: number
  readonly field: Buffer
  readonly values: RawValue[]
}

export const names = new Map<number, Operation['op']>(
  Object.entries(operations).map(([name, { code }]) => [code, name as Operation['op']]),
)

export const kindsOf = (code: number): [string, string][] | undefined => {
  const name = names.get(code)
  return name === undefined ? undefined : Object.entries(operations[name].fields)
}

class Malformed extends Error {}

class Reader {
  readonly #data: Buffer
  #at = 0
  /** Where the lengths and counts stand, for tests that break them. */
  readonly #lengths: number[]
  readonly #base: number

  constructor(data: Buffer, lengths: number[], base = 0) {
    this.#data = data
    this.#lengths = lengths
    this.#base = base
  }

  get done(): boolean { return this.#at === this.#data.length }

  take(size: number): Buffer {
    if (size > this.#data.length - this.#at) throw new Malformed()
    this.#at += size
    return this.#data.subarray(this.#at - size, this.#at)
  }

  u32(): number { return this.take(4).readUInt32LE() }
  u64(): bigint { return this.take(8).readBigUInt64LE() }

  length(): number {
    this.#lengths.push(this.#base + this.#at)
    return this.u32()
  }

  bytes(): Buffer { return this.take(this.length()) }

  text(): Buffer {
    const value = this.bytes()
    if (value.includes(0) || this.take(1)[0] !== 0) throw new Malformed()
    return value
  }

  list<T>(one: () => T): T[] {
    const count = this.length()
    const result: T[] = []
    for (let i = 0; i < count; i++) result.push(one())
    return result
  }

  inner(): Reader {
    const size = this.length()
    return new Reader(this.take(size), this.#lengths, this.#base + this.#at - size)
  }

  value(kind: string): RawValue {
    switch (kind) {
      case 'text': return this.text()
      case 'u64': return this.u64()
      case 'bytes': return this.bytes()
      case 'list': return this.list(() => this.text())
      case 'numbers': return this.list(() => this.u32())
      default: return this.u32()
    }
  }
}

/** The operations of a plan; undefined when it is malformed. Offsets of lengths and counts are added to LENGTHS. */
export function readPlan(data: Buffer, lengths: number[] = []): RawOperation[] | undefined {
  const reader = new Reader(data, lengths)
  try {
    if (reader.u32() !== PLAN_MAGIC || reader.u32() !== PLAN_VERSION) return undefined
    if (reader.length() !== data.length) return undefined
    const list = reader.list((): RawOperation => {
      const code = reader.u32()
      const inner = reader.inner()
      const field = inner.text()
      const kinds = kindsOf(code)
      if (kinds === undefined) throw new Malformed()
      const values = kinds.map(([, kind]) => inner.value(kind))
      if (!inner.done) throw new Malformed()
      return { code, field, values }
    })
    return reader.done ? list : undefined
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

/** What `encode` was given; u64 arguments come back as bigints. */
export function decode(data: Buffer): Operation[] {
  const list = readPlan(data)
  if (list === undefined) throw new Error('malformed plan')
  return list.map(({ code, field, values }) => {
    const named = kindsOf(code)!.map(([name, kind], index) => [name, plain(kind, values[index]!)])
    return { op: names.get(code), field: field.toString(), ...Object.fromEntries(named) } as Operation
  })
}

function plain(kind: string, value: RawValue): unknown {
  if (kind === 'text') return String(value)
  return kind === 'list' ? (value as Buffer[]).map(String) : value
}
