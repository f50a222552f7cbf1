/** What criu answers. A message that is understood is the same when it is written and read again. */
import { isDeepStrictEqual } from 'node:util'
import { type CriuReply, replyFields } from '../lib/checkpoint/messages.ts'
import { decodeMessage, encodeMessage } from '../lib/checkpoint/protobuf.ts'
import { bytesOf, endsOrRefuses } from './bytes.ts'
import { mutate } from './mutate.ts'
import type { Target } from './target.ts'

const replies: readonly CriuReply[] = [
  { type: 10, success: true, version: { major: 4, minor: 1, gitId: 'v4.1', sublevel: 2 } },
  { type: 6, success: true, notify: { script: 'orphan-pts-master', pid: 7 } },
  { type: 2, success: true, restore: { pid: 4711 } },
  { type: 9, success: true, features: { memoryTracking: true, lazyPages: false } },
  { type: 1, success: false, errno: 1, message: 'Error (criu/cr-dump.c): é' },
  { type: -1, errno: -22 },
]

export const criu: Target = {
  seeds: replies.map((reply) => [...encodeMessage(replyFields, reply)]),
  change: mutate,
  sources: 'lib/checkpoint/',
  run(text) {
    return endsOrRefuses(() => {
      const reply = decodeMessage(replyFields, bytesOf(JSON.parse(text)))
      const again = decodeMessage(replyFields, encodeMessage(replyFields, reply))
      if (!isDeepStrictEqual(again, reply)) throw new Error('a reply that is another one when it is written and read again')
    }, 'reply', /^not a message/)
  },
}
