/**
 * Statistics again and again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Statistics } from '../cgroup/statistics.ts'
import { NruncError } from '../errors.ts'

/** What {@link Container.stats} takes for readings again and again. */
export interface StatsOptions {
  /** Milliseconds between two readings. Default 1000. */
  readonly interval?: number | undefined
  /** Its abort ends the loop with ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined
}

/**
 * What READ gives, at once and then every `interval` milliseconds, until EXIT.
 *
 * @throws NruncError ERR_OPTION_INVALID, ERR_ABORTED; what READ throws, unless the end is near
 */
export async function* statsEvery(
  { interval = 1000, signal }: StatsOptions, read: () => Promise<Statistics>, exit: Promise<unknown>,
): AsyncGenerator<Statistics, void, undefined> {
  if (!(interval > 0)) throw new NruncError('ERR_OPTION_INVALID', `interval must be a number of milliseconds, not ${interval}`, { operand: 'interval' })
  const over = new AbortController()
  let ended = false
  const end = (): void => {
    ended = true
    over.abort()
  }
  void exit.then(end)
  const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal])
  try {
    for (;;) {
      if (signal?.aborted) throw new NruncError('ERR_ABORTED', 'the call was aborted', { cause: signal.reason })
      if (ended) return
      const statistics = await read().catch((error: unknown) => {
        if (ended) return undefined // its cgroups may be gone already
        throw error
      })
      if (statistics === undefined) return
      yield statistics
      await sleep(interval, undefined, { signal: either }).catch(() => {})
    }
  } finally {
    over.abort()
  }
}
