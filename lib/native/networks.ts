/**
 * How many network namespaces this environment keeps ready; whoever takes one gets any of them, because they are alike.
 * What was taken is made anew when nothing is started for a moment: it would compete with the programs that were.
 */
import { addon } from './addon.ts'

/** Kept at most, whatever is wanted: each is 150 KB of the kernel's memory. */
const MOST = 64
/** Milliseconds without a start. */
const FILL_AFTER = 20

let wanted = 0
let taken = 0
let timer: NodeJS.Timeout | undefined

/** Keep COUNT more. */
export function keepNetworks(count: number): void {
  wanted += count
  fill()
}

/** Keep COUNT fewer, after {@link keepNetworks}; the last one's are closed. */
export function dropNetworks(count: number): void {
  wanted -= count
  fill()
}

/** Make those that were taken anew: at once when more than half are gone, otherwise after a moment without a start. */
export function fillNetworks(): void {
  if (taken === 0) return
  if (taken * 2 > kept()) fill()
  else if (timer !== undefined) timer.refresh()
  else timer = setTimeout(fill, FILL_AFTER).unref()
}

/** One of them, the caller's descriptor; undefined when none is ready. */
export function takeNetwork(): number | undefined {
  taken++
  const fd = addon().takeNetwork()
  return fd < 0 ? undefined : fd
}

const kept = (): number => Math.min(wanted, MOST)

function fill(): void {
  clearTimeout(timer)
  timer = undefined
  taken = 0
  addon().keepNetworks(kept())
}
