/**
 * So many pieces of work at a time; the others wait for their turn, in their order.
 */
export class Limiter {
  readonly #waiting = new Set<() => void>()
  #free: number

  /** MOST: an integer, at least 1. */
  constructor(most: number) {
    this.#free = most
  }

  /** How many wait. */
  get waiting(): number { return this.#waiting.size }

  /**
   * WORK, once it may begin. ONCANCEL is called when it has to wait, with what takes it out of the queue: the result is
   * then the given error, and the work is not done.
   */
  async run<T>(work: () => Promise<T>, onCancel: (cancel: (error: Error) => void) => void = () => {}): Promise<T> {
    if (this.#free > 0) this.#free--
    else await this.#turn(onCancel)
    try {
      return await work()
    } finally {
      const [next] = this.#waiting
      if (next === undefined) this.#free++
      else {
        this.#waiting.delete(next)
        next()
      }
    }
  }

  #turn(onCancel: (cancel: (error: Error) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = (): void => resolve()
      this.#waiting.add(begin)
      onCancel((error) => {
        if (this.#waiting.delete(begin)) reject(error)
      })
    })
  }
}
