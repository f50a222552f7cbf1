/**
 * The pieces of work on the main thread: all that the event loop does between two calls of something. Meanwhile nothing
 * else of the process can run.
 */
import { createHook } from 'node:async_hooks'
import { createRequire } from 'node:module'

export interface Piece {
  /** What was called: the type of its asynchronous resource. */
  readonly kind: string
  /** Milliseconds on a processor. What other processes took is not in it. */
  readonly time: number
}

interface Clock { now(): number }

/** Calls of these kinds belong to the piece in which they happen. */
const inside = new Set(['PROMISE', 'TickObject', 'Microtask'])

/** Milliseconds without any call after which something must have been called that has no resource. */
const SILENCE = 0.1

/** Watches the event loop from now on; to be called before anything is loaded that is to be seen. */
export const watchPieces = (path: string): { take(): Piece[] } => {
  const clock = createRequire(import.meta.url)(path) as Clock
  const kinds = new Map<number, string>()
  let pieces: Piece[] = []
  let kind = ''
  let depth = 0
  let begun = 0
  let last = 0

  const begin = (next: string): void => {
    const now = clock.now()
    if (kind !== '') pieces.push({ kind, time: now - begun })
    kind = next
    begun = now
  }
  createHook({
    init(id, name) {
      if (!inside.has(name)) kinds.set(id, name)
    },
    before(id) {
      if (depth++ > 0) return
      const name = kinds.get(id)
      if (name !== undefined) begin(name)
      else if (performance.now() - last > SILENCE) begin('unnamed')
    },
    after() {
      depth--
      last = performance.now()
    },
  }).enable()
  return {
    take() {
      begin('')
      const taken = pieces
      pieces = []
      return taken
    },
  }
}
