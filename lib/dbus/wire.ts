/**
 * Values <-> bytes in D-Bus's marshalling format, little-endian. Pure. Source: D-Bus specification, "Marshaling".
 *
 * Structures and arrays are JavaScript arrays, `x` and `t` are bigint when read and may be numbers when written, an
 * array of bytes (`ay`) is a Buffer when read.
 */

/** A value with its type, for `v`. */
export class Variant {
  readonly signature: string
  readonly value: unknown

  constructor(signature: string, value: unknown) {
    this.signature = signature
    this.value = value
  }
}

const alignments: Readonly<Record<string, number>> = {
  y: 1, g: 1, v: 1, n: 2, q: 2, b: 4, i: 4, u: 4, s: 4, o: 4, a: 4, x: 8, t: 8, d: 8, '(': 8, '{': 8,
}

const closing: Readonly<Record<string, string>> = { '(': ')', '{': '}' }

/** The complete types of SIGNATURE, one by one. @throws RangeError for one that is not well-formed */
export function splitSignature(signature: string): string[] {
  const types: string[] = []
  for (let at = 0; at < signature.length;) {
    const end = endOfType(signature, at, 0)
    types.push(signature.slice(at, end))
    at = end
  }
  return types
}

/** The specification's limit is 32 arrays and 32 structures. */
const DEPTH = 64

function endOfType(signature: string, start: number, depth: number): number {
  const code = signature[start] ?? ''
  if (alignments[code] === undefined || depth > DEPTH) throw new RangeError(`bad D-Bus signature ${JSON.stringify(signature)}`)
  if (code === 'a') return endOfType(signature, start + 1, depth + 1)
  const close = closing[code]
  if (close === undefined) return start + 1
  let at = start + 1
  do at = endOfType(signature, at, depth + 1) // an empty structure takes no bytes: an array of them would have no end
  while (signature[at] !== close)
  return at + 1
}

/** The bytes of VALUES, the complete types of SIGNATURE one after the other. */
export function marshal(signature: string, values: readonly unknown[]): Buffer {
  const writer = new Writer()
  splitSignature(signature).forEach((type, index) => writer.write(type, values[index]))
  return writer.finish()
}

/** The values at the beginning of BYTES. @throws RangeError where these are too short, or not such values */
export function unmarshal(signature: string, bytes: Buffer): unknown[] {
  const reader = new Reader(bytes)
  return splitSignature(signature).map((type) => reader.read(type))
}

class Writer {
  #buffer = Buffer.alloc(512)
  #length = 0

  finish(): Buffer { return this.#buffer.subarray(0, this.#length) }

  #align(to: number): void {
    this.#reserve((to - (this.#length % to)) % to)
  }

  #reserve(size: number): number {
    const start = this.#length
    this.#length += size
    return start
  }

  /** Room for SIZE bytes more, and for padding. */
  #grow(size: number): void {
    if (this.#length + size <= this.#buffer.length) return
    this.#buffer = Buffer.concat([this.#buffer, Buffer.alloc(Math.max(this.#buffer.length, size))])
  }

  write(type: string, value: unknown): void {
    const code = type[0]!
    this.#grow(32)
    this.#align(alignments[code]!)
    switch (code) {
      case 'y': return void (this.#buffer[this.#reserve(1)] = Number(value))
      case 'b': return this.#u32(value === true ? 1 : 0)
      case 'n': return void this.#buffer.writeInt16LE(Number(value), this.#reserve(2))
      case 'q': return void this.#buffer.writeUInt16LE(Number(value), this.#reserve(2))
      case 'i': return void this.#buffer.writeInt32LE(Number(value), this.#reserve(4))
      case 'u': return this.#u32(Number(value))
      case 'x': return void this.#buffer.writeBigInt64LE(BigInt(value as bigint), this.#reserve(8))
      case 't': return void this.#buffer.writeBigUInt64LE(BigInt(value as bigint), this.#reserve(8))
      case 'd': return void this.#buffer.writeDoubleLE(Number(value), this.#reserve(8))
      case 's':
      case 'o': return this.#text(value as string)
      case 'g': return this.#signature(value as string)
      case 'v': return this.#variant(value as Variant)
      case 'a': return this.#array(type.slice(1), value as readonly unknown[])
      default: splitSignature(type.slice(1, -1)).forEach((part, index) => this.write(part, (value as unknown[])[index]))
    }
  }

  #u32(value: number): void {
    this.#buffer.writeUInt32LE(value, this.#reserve(4))
  }

  #text(value: string): void {
    const size = Buffer.byteLength(value)
    this.#grow(size + 32)
    this.#u32(size)
    this.#buffer.write(value, this.#reserve(size + 1), 'utf8')
  }

  #signature(value: string): void {
    this.#grow(value.length + 32)
    this.#buffer[this.#reserve(1)] = value.length
    this.#buffer.write(value, this.#reserve(value.length + 1), 'latin1')
  }

  #variant({ signature, value }: Variant): void {
    this.#signature(signature)
    this.write(signature, value)
  }

  /** The length does not count the padding before the first element, which is there in an empty array too. */
  #array(type: string, values: readonly unknown[]): void {
    const lengthAt = this.#reserve(4)
    this.#align(alignments[type[0]!]!)
    const start = this.#length
    for (const value of values) this.write(type, value)
    this.#buffer.writeUInt32LE(this.#length - start, lengthAt)
  }
}

class Reader {
  readonly #bytes: Buffer
  #at = 0
  #variants = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  #take(size: number, alignment = size): number {
    const start = this.#at + (alignment - (this.#at % alignment)) % alignment
    if (start + size > this.#bytes.length) throw new RangeError('D-Bus message is too short')
    this.#at = start + size
    return start
  }

  read(type: string): unknown {
    const bytes = this.#bytes
    switch (type[0]) {
      case 'y': return bytes[this.#take(1)]
      case 'b': return this.#u32() !== 0
      case 'n': return bytes.readInt16LE(this.#take(2))
      case 'q': return bytes.readUInt16LE(this.#take(2))
      case 'i': return bytes.readInt32LE(this.#take(4))
      case 'u': return this.#u32()
      case 'x': return bytes.readBigInt64LE(this.#take(8))
      case 't': return bytes.readBigUInt64LE(this.#take(8))
      case 'd': return bytes.readDoubleLE(this.#take(8))
      case 's':
      case 'o': return this.#text(this.#u32())
      case 'g': return this.#signature()
      case 'v': return this.#variant()
      case 'a': return this.#array(type.slice(1))
      default:
        this.#take(0, 8)
        return splitSignature(type.slice(1, -1)).map((part) => this.read(part))
    }
  }

  #u32(): number { return this.#bytes.readUInt32LE(this.#take(4)) }

  #text(size: number): string {
    const start = this.#take(size + 1, 1)
    return this.#bytes.toString('utf8', start, start + size)
  }

  #signature(): string {
    const signature = this.#text(this.#bytes[this.#take(1)]!)
    splitSignature(signature)
    return signature
  }

  #variant(): Variant {
    const [type = '', ...more] = splitSignature(this.#signature())
    if (type === '' || more.length > 0) throw new RangeError('a D-Bus variant holds one complete type')
    if (++this.#variants > DEPTH) throw new RangeError('D-Bus variants are too deep in each other')
    const value = this.read(type)
    this.#variants--
    return new Variant(type, value)
  }

  #array(type: string): unknown {
    const size = this.#u32()
    const start = this.#take(0, alignments[type[0]!]!)
    const end = start + size
    if (end > this.#bytes.length) throw new RangeError('D-Bus array is too long')
    if (type === 'y') return this.#bytes.subarray(this.#take(size, 1), end)
    const values: unknown[] = []
    while (this.#at < end) values.push(this.read(type))
    if (this.#at > end) throw new RangeError('the last element of a D-Bus array is longer than the array')
    return values
  }
}
