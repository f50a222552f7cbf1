/**
 * D-Bus messages: header and body. Pure. Source: D-Bus specification, "Message Format".
 */
import { marshal, unmarshal, Variant } from './wire.ts'

export const MESSAGE = { call: 1, reply: 2, error: 3, signal: 4 } as const

/** The parts of a message that this client uses. */
export interface Message {
  readonly type: number
  readonly serial: number
  readonly path?: string | undefined
  readonly interface?: string | undefined
  readonly member?: string | undefined
  /** Name of the error, e.g. `org.freedesktop.DBus.Error.AccessDenied`. */
  readonly errorName?: string | undefined
  /** Serial of the call that this is the answer to. */
  readonly replySerial?: number | undefined
  readonly destination?: string | undefined
  readonly signature?: string | undefined
  readonly body: readonly unknown[]
}

/** Header field codes and their types. */
const fields = [
  ['path', 1, 'o'], ['interface', 2, 's'], ['member', 3, 's'], ['errorName', 4, 's'], ['replySerial', 5, 'u'],
  ['destination', 6, 's'], ['signature', 8, 'g'],
] as const

const HEADER = 'yyyyuua(yv)'
const LITTLE_ENDIAN = 0x6c
const FIXED = 16

/** The specification's limit of a message in bytes. */
const MAXIMUM = 1 << 27

const padded = (size: number): number => (size + 7) & ~7

export function encodeMessage(message: Message): Buffer {
  const body = marshal(message.signature ?? '', message.body)
  const present = fields.flatMap(([name, code, type]) =>
    message[name] === undefined ? [] : [[code, new Variant(type, message[name])]])
  const header = marshal(HEADER, [LITTLE_ENDIAN, message.type, 0, 1, body.length, message.serial, present])
  return Buffer.concat([header, Buffer.alloc(padded(header.length) - header.length), body])
}

/**
 * The first message of BYTES and its length; undefined while it is not there as a whole.
 *
 * @throws RangeError for what is not a message
 */
export function decodeMessage(bytes: Buffer): { readonly message: Message; readonly size: number } | undefined {
  if (bytes.length < FIXED) return undefined
  if (bytes[0] !== LITTLE_ENDIAN || bytes[3] !== 1) throw new RangeError('not a D-Bus message of this machine')
  const [bodySize, fieldsSize] = [bytes.readUInt32LE(4), bytes.readUInt32LE(12)]
  if (FIXED + fieldsSize + bodySize > MAXIMUM) throw new RangeError('D-Bus message is too long')
  const start = padded(FIXED + fieldsSize)
  const size = start + bodySize
  if (bytes.length < size) return undefined
  const [, type, , , , serial, list] = unmarshal(HEADER, bytes.subarray(0, start)) as
    [number, number, number, number, number, number, [number, Variant][]]
  const found: Record<string, unknown> = {}
  for (const [code, { signature, value }] of list) {
    const [name, , type] = fields.find(([, number]) => number === code) ?? []
    if (name === undefined) continue
    if (signature !== type) throw new RangeError(`D-Bus message with a ${name} of type ${signature}`)
    found[name] = value
  }
  const signature = (found['signature'] as string | undefined) ?? ''
  return { message: { ...found, type, serial, body: unmarshal(signature, bytes.subarray(start, size)) }, size }
}
