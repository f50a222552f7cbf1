/**
 * Plan -> bytes, in the layout of `addon/plan/format.h`. The reader on the other side checks every bound again.
 */
import { type Operation, operations } from './operations.ts'

export const PLAN_MAGIC = 0x6e757250 // "Prun"
export const PLAN_VERSION = 1
const HEADER = 16

/** Length in characters up to which a loop over them wins. */
const SHORT = 96

const SIZE = 8192
/** A larger buffer is not kept. */
const LARGE = 65536

class Writer {
  #buffer = Buffer.allocUnsafe(SIZE)
  length = 0

  #reserve(size: number): number {
    const start = this.length
    if (start + size > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, start + size))
      this.#buffer.copy(grown, 0, 0, start)
      this.#buffer = grown
    }
    this.length += size
    return start
  }

  u32(value: number): void {
    const at = this.#reserve(4)
    this.#buffer.writeUInt32LE(value >>> 0, at)
  }

  u64(value: bigint | number): void {
    const at = this.#reserve(8)
    this.#buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), at)
  }

  /** Length, bytes, NUL: init uses the text in place as a C string. */
  text(value: string): void {
    if (value.length > SHORT || !this.#shortText(value)) this.#anyText(value)
  }

  /** Most texts are a few ASCII letters: a loop is faster than two calls of native functions. */
  #shortText(value: string): boolean {
    const size = value.length
    const start = this.#reserve(size + 5)
    const buffer = this.#buffer
    for (let index = 0; index < size; index++) {
      const code = value.charCodeAt(index)
      if (code > 127) {
        this.length = start
        return false
      }
      buffer[start + 4 + index] = code
    }
    buffer.writeUInt32LE(size, start)
    buffer[start + 4 + size] = 0
    return true
  }

  #anyText(value: string): void {
    const size = Buffer.byteLength(value)
    this.u32(size)
    const at = this.#reserve(size + 1)
    this.#buffer.write(value, at, 'utf8')
    this.#buffer[at + size] = 0
  }

  bytes(value: Uint8Array): void {
    this.u32(value.length)
    const at = this.#reserve(value.length) // it may be another buffer afterwards
    this.#buffer.set(value, at)
  }

  patch(at: number, value: number): void {
    this.#buffer.writeUInt32LE(value, at)
  }

  begin(): void {
    this.length = 0
    if (this.#buffer.length > LARGE) this.#buffer = Buffer.allocUnsafe(SIZE)
  }

  /** A copy of what was written since the beginning. */
  finish(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.length))
  }
}

function writeArgument(writer: Writer, kind: string, value: unknown): void {
  switch (kind) {
    case 'text': return writer.text(value as string)
    case 'u64': return writer.u64(value as bigint | number)
    case 'bytes': return writer.bytes(value as Uint8Array)
    case 'list': {
      const list = value as readonly string[]
      writer.u32(list.length)
      for (const item of list) writer.text(item)
      return
    }
    case 'numbers': {
      const list = value as readonly number[]
      writer.u32(list.length)
      for (const item of list) writer.u32(item)
      return
    }
    default: return writer.u32(value as number)
  }
}

const writer = new Writer()

/** Operations as bytes, without what stands before those of a whole plan. */
export interface Encoded {
  /** How many bytes. */
  readonly size: number
  /** How many operations. */
  readonly count: number
  /** Puts the bytes into TARGET. */
  readonly write: (target: Buffer, at: number) => void
}

/** Encode operations. The result owns its memory. */
export function encodeOperations(list: readonly Operation[]): Encoded {
  writer.begin()
  for (const operation of list) writeOperation(operation)
  const bytes = writer.finish()
  return { size: bytes.length, count: list.length, write: (target, at) => void bytes.copy(target, at) }
}

/** Encode one side of a plan (host or init). The result owns its memory. */
export const encode = (list: readonly Operation[]): Buffer => assemble([encodeOperations(list)])

/** One side of a plan that is encoded in parts. */
export function assemble(parts: readonly Encoded[]): Buffer {
  const plan = Buffer.allocUnsafe(parts.reduce((sum, { size }) => sum + size, HEADER))
  plan.writeUInt32LE(PLAN_MAGIC, 0)
  plan.writeUInt32LE(PLAN_VERSION, 4)
  plan.writeUInt32LE(plan.length, 8)
  plan.writeUInt32LE(parts.reduce((sum, { count }) => sum + count, 0), 12)
  let at = HEADER
  for (const { size, write } of parts) {
    write(plan, at)
    at += size
  }
  return plan
}

function writeOperation(operation: Operation): void {
  const { code, fields } = operations[operation.op]
  writer.u32(code)
  const lengthAt = writer.length
  writer.u32(0)
  writer.text(operation.field)
  for (const name in fields) {
    writeArgument(writer, (fields as Record<string, string>)[name]!, (operation as unknown as Record<string, unknown>)[name])
  }
  writer.patch(lengthAt, writer.length - lengthAt - 4)
}
