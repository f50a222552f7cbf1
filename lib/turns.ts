/**
 * Long work gives the event loop its turn: nothing of this library holds it up for more than a millisecond.
 */
import { now } from './clock.ts'

/** Milliseconds of one piece of a work of many steps; the last step comes on top. */
let piece = 0.4

/** In a process that does nothing else, as a command, nobody waits for a turn: all of a work is one piece from here on. */
export const workAlone = (): void => { piece = Infinity }

/** Whether a piece that began at BEGUN, see {@link now}, is over. */
export const isOver = (begun: number): boolean => now() - begun >= piece

/** Once what has been waiting meanwhile was called. */
export const nextTurn = (): Promise<void> =>
  piece === Infinity ? Promise.resolve() : new Promise((resolve) => { setImmediate(resolve) })

/** To be asked between the steps of a work whose length nobody knows. */
export class Turns {
  #begun = now()

  /** Whether it is time for the next one. */
  get due(): boolean { return isOver(this.#begun) }

  /** The next turn, when it is time for it. */
  async give(): Promise<void> {
    if (!this.due) return
    await nextTurn()
    this.#begun = now()
  }
}

/** A work step by step; what it returns is the result. */
export type Steps<T> = Generator<void, T, void>

/** Without a turn for anybody else. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** As many steps in one turn as have their place in it. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  const turns = new Turns()
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (turns.due) await turns.give()
  }
}
