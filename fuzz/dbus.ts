/** What a D-Bus server sends: messages one after the other. One that is understood is the same when it is written and read again. */
import { isDeepStrictEqual } from 'node:util'
import { decodeMessage, encodeMessage, MESSAGE } from '../lib/dbus/message.ts'
import { marshal, Variant } from '../lib/dbus/wire.ts'
import { bytesOf, endsOrRefuses } from './bytes.ts'
import { type Json, mutate } from './mutate.ts'
import type { Target } from './target.ts'

/** A message of which the sizes are right whatever becomes of its header fields and its body. */
interface Parts {
  readonly type: Json
  readonly fields: Json
  readonly body: Json
  /** What the sizes are said to be more. */
  readonly more?: readonly Json[]
}

const parts = (signature: string, ...body: readonly unknown[]): Parts => ({
  type: MESSAGE.signal,
  fields: [...marshal('a(yv)', [[
    [1, new Variant('o', '/a')], [2, new Variant('s', 'b.c')], [3, new Variant('s', 'D')], [5, new Variant('u', 3)], [8, new Variant('g', signature)],
  ]]).subarray(4)],
  body: [...marshal(signature, body)],
})

const seeds: readonly Parts[][] = [
  [parts('uoss', 7, '/org/freedesktop/systemd1/job/7', 'nrunc-web.scope', 'done')],
  [{ ...parts('s', 'no such unit'), type: MESSAGE.error }, { ...parts(''), type: MESSAGE.reply }],
  [parts('a(sv)', [['a', new Variant('t', 1n)], ['b', new Variant('ay', Buffer.from('xyz'))]])],
  [parts('a{sv}(bnqid)', [['k', new Variant('v', new Variant('as', ['x', 'y']))]], [true, -1, 2, -3, 0.5])],
  [parts('xtgya(y(yy))', -1n, 2n, 'a{sv}', 5, [[1, [2, 3]]])],
]

const word = (size: number, more: Json): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE((size + (typeof more === 'number' && Number.isFinite(more) ? Math.trunc(more) % 2 ** 32 : 0)) >>> 0)
  return bytes
}

function messageOf(document: Json): Buffer {
  if (typeof document !== 'object' || document === null || !('fields' in document)) return bytesOf(document)
  const { type, fields, body, more = [] } = document as Parts
  const [head, rest] = [bytesOf(fields), bytesOf(body)]
  const [first, second] = Array.isArray(more) ? more as Json[] : []
  return Buffer.concat([
    Buffer.from([0x6c, bytesOf(type)[0] ?? 0, 0, 1]), word(rest.length, first), word(1, 0), word(head.length, second),
    head, Buffer.alloc(-head.length & 7), rest,
  ])
}

export const dbus: Target = {
  seeds: [...seeds, [{ ...seeds[0]![0], more: [0, 0] }]],
  change: mutate,
  sources: 'lib/dbus/',
  run(text) {
    const document = JSON.parse(text) as Json
    let bytes = Buffer.concat((Array.isArray(document) ? document : [document]).map(messageOf))
    return endsOrRefuses(() => {
      for (let next = decodeMessage(bytes); next !== undefined; next = decodeMessage(bytes)) {
        if (!isDeepStrictEqual(decodeMessage(encodeMessage(next.message))?.message, next.message)) {
          throw new Error('a message that is another one when it is written and read again')
        }
        bytes = bytes.subarray(next.size)
      }
    }, 'messages', /D-Bus/)
  },
}
