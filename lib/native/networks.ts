/**
 * How many network namespaces this environment keeps ready; whoever takes one gets any of them, because they are alike.
 */
import { addon } from './addon.ts'

let wanted = 0

/** Keep COUNT more. */
export function keepNetworks(count: number): void {
  addon().keepNetworks(wanted += count)
}

/** Keep COUNT fewer, after {@link keepNetworks}; the last one's are closed. */
export function dropNetworks(count: number): void {
  addon().keepNetworks(wanted -= count)
}

/** Make those that were taken anew. */
export function fillNetworks(): void {
  addon().keepNetworks(wanted)
}

/** One of them, the caller's descriptor; undefined when none is ready. */
export function takeNetwork(): number | undefined {
  const fd = addon().takeNetwork()
  return fd < 0 ? undefined : fd
}
