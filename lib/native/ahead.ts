/**
 * Init, cloned while the plan that it will execute is still being made: it depends on the new namespaces alone.
 */
import { addon, job } from './addon.ts'

/** Whoever makes one drops it in the end; once it was taken this does nothing. */
export class CloneAhead {
  #number: number

  /** FLAGS: CLONE_NEW*. BARE: see `takesBareMounts`. What cannot be made is not missed: the start makes it then, and says what is wrong. */
  constructor(flags: number, bare = false) {
    this.#number = addon().cloneAhead(flags, bare)
  }

  /** For {@link Addon.spawn}; negative when there is none. */
  take(): number {
    const taken = this.#number
    this.#number = -1
    return taken
  }

  /** End it, unless it was taken. */
  async drop(): Promise<void> {
    const number = this.take()
    if (number >= 0) await job((native, id) => native.dropClone(id, number))
  }
}
