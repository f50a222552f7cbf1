/** What a process holds, so that what has grown can be told: of the kernel and of its own memory. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { idPrefix } from './load.ts'
import { groupRoot } from './options.ts'

/** Memory in KB, the rest are counts. */
export interface Held {
  readonly descriptors: number
  /** Also those that have ended and nobody has waited for. */
  readonly children: number
  readonly threads: number
  /** Of this benchmark: the directories below its own in every hierarchy. */
  readonly cgroups: number
  readonly mounts: number
  /** Entries of the state root. */
  readonly state: number
  readonly rss: number
  /** What V8 has taken for its heap, and how much of that is in use. */
  readonly heap: number
  readonly heapUsed: number
  /** Outside of V8's heap, and known to it. */
  readonly external: number
}

const childrenOf = (parent: number): number =>
  readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
    } catch {
      return false
    }
  }).length

/** Where containers without a cgroupsPath have their cgroups: docs/cgroups.md. */
const defaultParent = 'nrunc'

const cgroups = (): number => {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    .flatMap((line) => (/ - cgroup2? /.test(line) ? [line.split(' ')[4] ?? ''] : []))
  const directories = (path: string): string[] =>
    (existsSync(path) ? readdirSync(path, { withFileTypes: true }) : []).filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const count = (path: string): number => directories(path).reduce((sum, name) => sum + 1 + count(join(path, name)), 0)
  return [...new Set(mounts)].reduce((sum, mount) =>
    sum + count(join(mount, groupRoot)) + directories(join(mount, defaultParent)).filter((name) => name.startsWith(idPrefix)).length, 0)
}

const kilobytes = (bytes: number): number => Math.round(bytes / 1024)

/** After a collection of garbage; ROOT is the state root. */
export async function held(root: string): Promise<Held> {
  globalThis.gc?.()
  await sleep(500)
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage()
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    children: childrenOf(process.pid),
    threads: readdirSync('/proc/self/task').length,
    cgroups: cgroups(),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length,
    state: readdirSync(root).length,
    rss: kilobytes(rss), heap: kilobytes(heapTotal), heapUsed: kilobytes(heapUsed), external: kilobytes(external),
  }
}

/** What is more now than it was, by name. */
export type Growth = Record<keyof Held, number>

export const growthOf = (before: Held, after: Held): Growth =>
  Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name as keyof Held]])) as Growth
