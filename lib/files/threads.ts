/**
 * How many threads the files of one container may hold: what a container never answers holds one until its end, however
 * soon the caller has given up.
 */
const LIMIT = 16

const busy = new Map<string, { running: number, readonly waiting: (() => void)[] }>()

/** Do WORK when fewer than the limit of CONTAINER are under way; in the order of the calls. */
export async function inTurn<T>(container: string, work: () => Promise<T>): Promise<T> {
  const all = busy.get(container) ?? { running: 0, waiting: [] }
  busy.set(container, all)
  if (all.running < LIMIT) all.running++
  else await new Promise<void>((resolve) => { all.waiting.push(resolve) }) // who ends leaves his place
  try {
    return await work()
  } finally {
    const next = all.waiting.shift()
    if (next !== undefined) next()
    else if (--all.running === 0) busy.delete(container)
  }
}
