/**
 * Long work gives the event loop its turn: nothing of this library holds it up for more than a millisecond.
 */
import { now } from './clock.ts'

/** Once what has been waiting meanwhile was called. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

/** Milliseconds of one piece of a work of many steps; the last step comes on top. */
export const PIECE = 0.4

/** To be asked between the steps of a work whose length nobody knows. */
export class Turns {
  #begun = now()

  /** Whether it is time for the next one. */
  get due(): boolean { return now() - this.#begun >= PIECE }

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
