/**
 * Long work gives the event loop its turn: nothing of this library holds it up for more than a millisecond.
 */

/** Once what has been waiting meanwhile was called. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

/** Milliseconds of one piece of a work of many steps; the last step comes on top. */
export const PIECE = 0.4

/** To be asked between the steps of a work whose length nobody knows. */
export class Turns {
  #begun = performance.now()

  /** The next turn, when it is time for it. */
  async give(): Promise<void> {
    if (performance.now() - this.#begun < PIECE) return
    await nextTurn()
    this.#begun = performance.now()
  }
}
