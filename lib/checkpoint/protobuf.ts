/**
 * Messages of protocol buffers from tables of their fields: the encoding of proto2 for booleans, 32-bit integers, strings
 * and messages. Pure. Source: protobuf.dev, "Encoding".
 */

/** What a field holds; a table stands for a message. */
type Kind = 'bool' | 'int' | 'string' | Fields

/** The fields of a message by their names: number and kind. */
export interface Fields {
  readonly [name: string]: readonly [number: number, kind: Kind] | readonly [number: number, kind: Kind, repeated: 'repeated']
}

type Value<K> = K extends 'bool' ? boolean : K extends 'int' ? number : K extends 'string' ? string : Message<K>

/** A message with the fields of a table, all of them optional. */
export type Message<F> = {
  readonly [N in keyof F]?: (F[N] extends readonly [number, infer K, 'repeated'] ? readonly Value<K>[]
    : F[N] extends readonly [number, infer K] ? Value<K> : never) | undefined
}

const VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value)) // a negative number takes ten bytes
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return [...bytes, Number(rest)]
}

function encodeField(number: number, kind: Kind, value: unknown): Uint8Array {
  if (kind === 'bool' || kind === 'int') return Buffer.from([...varint(number << 3 | VARINT), ...varint(Number(value))])
  const content = kind === 'string' ? Buffer.from(value as string) : encodeMessage(kind, value as object)
  return Buffer.concat([Buffer.from([...varint(number << 3 | LENGTH), ...varint(content.length)]), content])
}

/** Fields that are undefined are left out; the others come in the order of MESSAGE. */
export function encodeMessage<F extends Fields>(fields: F, message: Message<F>): Uint8Array {
  return Buffer.concat(Object.entries(message).flatMap(([name, value]) => {
    if (value === undefined) return []
    const [number, kind, repeated] = fields[name]!
    return (repeated ? value as unknown[] : [value]).map((one) => encodeField(number, kind, one))
  }))
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get more(): boolean { return this.#at < this.#bytes.length }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) break
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new RangeError('not a message: a number without an end')
  }

  take(length: number): Uint8Array {
    const piece = this.#bytes.subarray(this.#at, this.#at += length)
    if (piece.length !== length) throw new RangeError('not a message: a field longer than all of it')
    return piece
  }

  /** The content of a field, as a number or as bytes. */
  content(type: number): bigint | Uint8Array {
    switch (type) {
      case VARINT: return this.varint()
      case FIXED64: return this.take(8)
      case LENGTH: return this.take(Number(this.varint()))
      case FIXED32: return this.take(4)
      default: throw new RangeError(`not a message: a field of type ${type}`)
    }
  }
}

function decodeField(kind: Kind, content: bigint | Uint8Array): unknown {
  if (typeof content === 'bigint') return kind === 'bool' ? content !== 0n : Number(BigInt.asIntN(32, content))
  return kind === 'string' ? Buffer.from(content).toString() : decodeMessage(kind as Fields, content)
}

/** Fields that are not in the table are passed over. @throws RangeError for bytes that are no message of this kind */
export function decodeMessage<F extends Fields>(fields: F, bytes: Uint8Array): Message<F> {
  const names = new Map(Object.entries(fields).map(([name, field]) => [field[0], [name, field] as const]))
  const reader = new Reader(bytes)
  const message: Record<string, unknown> = {}
  while (reader.more) {
    const key = Number(reader.varint())
    if (key < 8 || key > 0xffffffff) throw new RangeError('not a message: a field without a number')
    const content = reader.content(key & 7)
    const known = names.get(key >>> 3)
    if (known === undefined) continue
    const [name, [, kind, repeated]] = known
    if ((typeof content === 'bigint') !== (kind === 'bool' || kind === 'int')) throw new RangeError(`not a message: field ${name} is of another type`)
    const value = decodeField(kind, content)
    message[name] = repeated ? [...message[name] as unknown[] ?? [], value] : value
  }
  return message as Message<F>
}
