/**
 * Many pieces as one.
 */
import { Turns } from '../turns.ts'

/** In turns of the event loop. */
export async function joined(pieces: readonly Buffer[]): Promise<Buffer> {
  const all = Buffer.allocUnsafe(pieces.reduce((size, piece) => size + piece.length, 0))
  const turns = new Turns()
  let at = 0
  for (const piece of pieces) {
    at += piece.copy(all, at)
    await turns.give()
  }
  return all
}
