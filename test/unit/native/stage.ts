/** A stage for code that listens to the addon: what it asks of the addon is recorded, the events come from the test. */
import type * as native from '../../../lib/native/addon.ts'

type Handler = Parameters<typeof native.subscribe>[0]

export class Stage {
  /** Calls of the addon's functions, as `NAME ARGUMENTS`. */
  readonly calls: string[] = []
  /** How often the event loop is kept alive. */
  held = 0
  /** What the functions give back, 0 where it is not said. */
  results: Record<string, number> = {}
  readonly plans: Buffer[] = []
  readonly #handlers = new Map<number, Handler>()
  #last = 0

  get listening(): number { return this.#handlers.size }

  /** As it was before the first test. */
  forget(): void {
    this.calls.length = this.plans.length = this.held = 0
    this.results = {}
    this.#handlers.clear()
  }

  event(type: number, a = 0, b = 0, data: string | Buffer = '', id = this.#last): void {
    this.#handlers.get(id)?.(type, a, b, Buffer.from(data), Buffer.alloc(0))
  }

  /** In place of `lib/native/addon.ts`. */
  module(original: typeof native): typeof native {
    const record = (name: string) => (...values: unknown[]): number => {
      for (const value of values) if (value instanceof Uint8Array) this.plans.push(Buffer.from(value))
      this.calls.push([name, ...values.filter((value) => !(value instanceof Uint8Array))].join(' '))
      return this.results[name] ?? 0
    }
    return {
      ...original,
      addon: () => new Proxy({}, { get: (_, name) => record(String(name)) }) as native.Addon,
      subscribe: (handler) => {
        this.#handlers.set(++this.#last, handler)
        return this.#last
      },
      unsubscribe: (id) => void this.#handlers.delete(id),
      hold: () => void this.held++,
      letGo: () => void this.held--,
    }
  }
}
