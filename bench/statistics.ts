/**
 * What is said about a list of samples. Nothing is left out: no trimming, no rejection of outliers.
 */

export interface Summary {
  readonly n: number
  readonly min: number
  readonly median: number
  readonly p95: number
  readonly max: number
}

/** The smallest sample that at least `share` of all samples do not exceed (nearest rank); NaN without samples. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN

/** The middle sample, or the mean of the two in the middle; NaN without samples. */
export const median = (sorted: readonly number[]): number => {
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN
  return (lower + upper) / 2
}

/** Summarize samples of any unit; the summary has the same unit. */
export const summarize = (samples: readonly number[]): Summary => {
  const sorted = [...samples].sort((a, b) => a - b)
  return {
    n: sorted.length,
    min: sorted[0] ?? NaN,
    median: median(sorted),
    p95: quantile(sorted, 0.95),
    max: sorted.at(-1) ?? NaN,
  }
}

/** A copy in random order (Fisher-Yates). */
export const shuffled = <Item>(items: readonly Item[], random: () => number = Math.random): Item[] => {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const item = order[last] as Item
    order[last] = order[other] as Item
    order[other] = item
  }
  return order
}
