/**
 * Statistics as `events` prints them: runc's JSON, in which what is zero is mostly left out. Source: runc's
 * types/events.go; the order of the keys is that of its fields.
 */
import type { BlockIoEntry, MemoryUsage, Statistics } from '../cgroup/statistics.ts'
import { stringifyJson } from '../spec/parse.ts'

/** `omitempty` of Go: without the entries that are zero, empty or undefined. */
const some = (object: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => !isEmpty(value)))

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null ? Object.keys(value).length === 0 : !value

/** Go sorts the keys of a map. */
const sorted = <T>(map: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(map).toSorted(([one], [other]) => (one < other ? -1 : 1)))

const entry = ({ limit, usage, max, failcnt }: MemoryUsage) => ({ limit, ...some({ usage, max }), failcnt })

const table = (entries: readonly BlockIoEntry[]) =>
  entries.map(({ major, minor, op, value }) => some({ major, minor, op, value }))

/** The `data` of an event of the type `stats`. */
export const statisticsData = ({ cpu, cpuset, memory, pids, blkio, hugetlb }: Statistics): object => {
  const { kernel, user, ...usage } = cpu.usage
  const { cpus, cpu_exclusive, mems, ...flags } = cpuset
  const { psi, ...tables } = blkio
  return {
    cpu: { usage: { ...some(usage), kernel, user }, throttling: some(cpu.throttling), ...some({ psi: cpu.psi }) },
    cpuset: { ...some({ cpus }), cpu_exclusive, ...some({ mems }), ...flags },
    memory: {
      ...some({ cache: memory.cache }), usage: entry(memory.usage), swap: entry(memory.swap), kernel: entry(memory.kernel),
      kernelTCP: entry(memory.kernelTCP), ...some({ raw: sorted(memory.raw), psi: memory.psi }),
    },
    pids: some(pids),
    blkio: some({ ...Object.fromEntries(Object.entries(tables).map(([name, entries]) => [name, table(entries)])), psi }),
    hugetlb: sorted(Object.fromEntries(Object.entries(hugetlb).map(([size, { usage: used, max, failcnt }]) =>
      [size, { ...some({ usage: used, max }), failcnt }]))),
    intel_rdt: {},
    network_interfaces: null,
  }
}

/** One event, with its newline. */
export const eventLine = (type: 'stats' | 'oom', id: string, data?: object): string =>
  `${stringifyJson({ type, id, ...(data && { data }) })}\n`
