/**
 * Statistics of cgroup v2, in the terms of v1 as runc translates them. Pure. Source: admin-guide/cgroup-v2.
 */
import type { Integer64 } from '../spec/schema.ts'
import type { CgroupPaths } from './layout.ts'
import type { BlockIoEntry, MemoryUsage, Statistics } from './statistics.ts'
import { type Files, integer, keyed, lines, pairs, pressure, small, sum } from './statistics-text.ts'

const names = [
  'cpu.stat', 'cpu.pressure', 'memory.stat', 'memory.current', 'memory.max', 'memory.peak', 'memory.swap.current',
  'memory.swap.max', 'memory.swap.peak', 'memory.pressure', 'memory.events', 'pids.current', 'pids.max', 'io.stat',
  'io.pressure', 'rdma.current', 'misc.current', 'cgroup.procs',
]

const hugeNames = (sizes: readonly string[]): string[] =>
  sizes.flatMap((size) => [`hugetlb.${size}.rsvd.current`, `hugetlb.${size}.current`, `hugetlb.${size}.events`])

/** The files to read for {@link statisticsOfV2}; on a hybrid host those of huge pages alone. */
export function filesOfV2(paths: CgroupPaths, sizes: readonly string[]): string[] {
  const { '': directory, ...v1 } = paths
  if (directory === undefined) return []
  return [...(Object.keys(v1).length > 0 ? [] : names), ...hugeNames(sizes)].map((file) => `${directory}/${file}`)
}

export function statisticsOfV2(directory: string, files: Files): Statistics {
  const text = (file: string): string | undefined => files.read(`${directory}/${file}`)
  const cpu = pairs(text('cpu.stat'))
  const nanoseconds = (name: string): Integer64 => integer(String(BigInt(cpu[name] ?? 0) * 1000n))
  const raw = pairs(text('memory.stat'))
  const usage = memoryUsage('memory', text)
  const rows = keyed(text('io.stat'))
  return {
    cpu: {
      usage: {
        total: nanoseconds('usage_usec'), percpu: [], percpu_kernel: [], percpu_user: [],
        kernel: nanoseconds('system_usec'), user: nanoseconds('user_usec'),
      },
      throttling: {
        periods: cpu['nr_periods'] ?? 0, throttledPeriods: cpu['nr_throttled'] ?? 0,
        throttledTime: nanoseconds('throttled_usec'),
      },
      psi: pressure(text('cpu.pressure')),
    },
    cpuset: {
      cpus: [], cpu_exclusive: 0, mems: [], mem_hardwall: 0, mem_exclusive: 0, memory_migrate: 0, memory_spread_page: 0,
      memory_spread_slab: 0, memory_pressure: 0, sched_load_balance: 0, sched_relax_domain_level: 0,
    },
    memory: {
      cache: raw['file'] ?? 0, usage, swap: withSwap(usage, memoryUsage('memory.swap', text)), kernel: none,
      kernelTCP: none, raw, psi: pressure(text('memory.pressure')),
      oomKills: Number(pairs(text('memory.events'))['oom_kill'] ?? 0),
    },
    // Without the controller it is the processes of the cgroup itself that can be counted.
    pids: pidsUsage(text('pids.current') ?? String(lines(text('cgroup.procs')).length), text('pids.max')),
    blkio: {
      ioServiceBytesRecursive: blockTable(rows, { rbytes: 'Read', wbytes: 'Write' }),
      ioServicedRecursive: blockTable(rows, { rios: 'Read', wios: 'Write' }),
      ioQueueRecursive: [], ioServiceTimeRecursive: [], ioWaitTimeRecursive: [], ioMergedRecursive: [],
      ioTimeRecursive: [], sectorsRecursive: [], psi: pressure(text('io.pressure')),
    },
    hugetlb: hugePagesOfV2(directory, files),
    rdma: rdmaUsage(text('rdma.current')),
    misc: pairs(text('misc.current')),
  }
}

/** "max", and no file, are 0. */
export const pidsUsage = (current: string | undefined, limit: string | undefined): Statistics['pids'] =>
  ({ current: integer(current), limit: limit?.trim() === 'max' ? 0 : integer(limit) })

const none: MemoryUsage = { limit: 0, usage: 0, max: 0, failcnt: 0 }

const memoryUsage = (name: string, text: (file: string) => string | undefined): MemoryUsage => ({
  limit: integer(text(`${name}.max`)), usage: integer(text(`${name}.current`)), max: integer(text(`${name}.peak`)), failcnt: 0,
})

/** v1 counts memory and swap together. The peaks of both cannot be added. */
function withSwap(memory: MemoryUsage, swap: MemoryUsage): MemoryUsage {
  const unlimited = swap.limit === (1n << 64n) - 1n || memory.limit === (1n << 64n) - 1n
  return {
    limit: unlimited ? (1n << 64n) - 1n : sum(memory.limit, swap.limit), usage: sum(memory.usage, swap.usage), max: 0,
    failcnt: 0,
  }
}

function blockTable(rows: ReturnType<typeof keyed>, operations: Readonly<Record<string, string>>): BlockIoEntry[] {
  return rows.flatMap(({ name, values }) => Object.entries(operations).flatMap(([key, op]) => {
    const [, major, minor] = /^(\d+):(\d+)$/.exec(name) ?? []
    const value = values[key]
    return value === undefined || minor === undefined ? [] : [{ major: Number(major), minor: Number(minor), op, value: integer(value) }]
  }))
}

/** The huge pages of DIRECTORY, where it has the controller. */
export function hugePagesOfV2(directory: string, { read, sizes }: Files): Statistics['hugetlb'] {
  return Object.fromEntries(sizes.flatMap((size) => {
    const text = (name: string): string | undefined => read(`${directory}/hugetlb.${size}.${name}`)
    const usage = text('rsvd.current') ?? text('current')
    if (usage === undefined) return []
    return [[size, { usage: integer(usage), max: 0, failcnt: pairs(text('events'))['max'] ?? 0 }]]
  }))
}

export const rdmaUsage = (text: string | undefined): Statistics['rdma'] =>
  Object.fromEntries(keyed(text).map(({ name, values }) =>
    [name, { hcaHandles: small(values['hca_handle']), hcaObjects: small(values['hca_object']) }]))
