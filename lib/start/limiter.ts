/**
 * So many pieces of work at a time; the others wait for their turn, in their order. No two begin in the same turn of the
 * event loop: hundreds of calls at once must not hold it up.
 */
export class Limiter {
  readonly #waiting = new Set<() => void>()
  readonly #paced: (() => void)[] = []
  #begun = false
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
    if (this.#begun) await new Promise<void>((resolve) => this.#paced.push(resolve))
    else this.#pace()
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

  /** Something begins now; the next may in the next turn. */
  #pace(): void {
    this.#begun = true
    setImmediate(() => {
      this.#begun = false
      const next = this.#paced.shift()
      if (next === undefined) return
      this.#pace()
      next()
    })
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
