/**
 * Statistics of cgroup v1. Pure. Source: admin-guide/cgroup-v1.
 */
import type { CgroupPaths } from './layout.ts'
import type { BlockIoEntry, MemoryUsage, Statistics } from './statistics.ts'
import { blockTable, type Files, integer, lines, numberList, pairs, small } from './statistics-text.ts'
import { hugePagesOfV2, pidsUsage, rdmaUsage } from './statistics-v2.ts'

const memoryKinds = ['memory', 'memory.memsw', 'memory.kmem', 'memory.kmem.tcp'] as const
const memoryValues = ['limit_in_bytes', 'usage_in_bytes', 'max_usage_in_bytes', 'failcnt'] as const
const cpusetFlags = [
  'cpu_exclusive', 'mem_hardwall', 'mem_exclusive', 'memory_migrate', 'memory_spread_page', 'memory_spread_slab',
  'memory_pressure', 'sched_load_balance', 'sched_relax_domain_level',
] as const
const hugeValues = ['usage_in_bytes', 'max_usage_in_bytes', 'failcnt'] as const

/** The tables of block I/O, by the name of the file after the scheduler's prefix. */
const blockTables = {
  ioServiceBytesRecursive: 'io_service_bytes', ioServicedRecursive: 'io_serviced', ioQueueRecursive: 'io_queued',
  ioServiceTimeRecursive: 'io_service_time', ioWaitTimeRecursive: 'io_wait_time', ioMergedRecursive: 'io_merged',
  ioTimeRecursive: 'time', sectorsRecursive: 'sectors',
} as const
type BlockTable = keyof typeof blockTables

/** Where the tables may be: with BFQ, with CFQ (before Linux 5.0), of the throttling. The first that has something counts. */
const blockSources = [
  { prefix: 'blkio.bfq.', suffix: '_recursive' }, { prefix: 'blkio.', suffix: '_recursive' },
  { prefix: 'blkio.throttle.', suffix: '_recursive' }, { prefix: 'blkio.throttle.', suffix: '' },
]
const throttled = ['io_service_bytes', 'io_serviced']
const blockFiles = ({ prefix, suffix }: typeof blockSources[number]): [BlockTable, string][] =>
  Object.entries(blockTables).filter(([, name]) => prefix !== 'blkio.throttle.' || throttled.includes(name))
    .map(([table, name]) => [table as BlockTable, `${prefix}${name}${suffix}`])

const byController = (sizes: readonly string[]): Readonly<Record<string, readonly string[]>> => ({
  cpu: ['cpu.stat'],
  cpuacct: ['cpuacct.stat', 'cpuacct.usage', 'cpuacct.usage_percpu', 'cpuacct.usage_all'],
  cpuset: ['cpuset.cpus', 'cpuset.mems', ...cpusetFlags.map((name) => `cpuset.${name}`)],
  memory: [
    'memory.stat', 'memory.oom_control', ...memoryKinds.flatMap((kind) => memoryValues.map((value) => `${kind}.${value}`)),
  ],
  pids: ['pids.current', 'pids.max'],
  blkio: blockSources.flatMap((source) => blockFiles(source).map(([, file]) => file)),
  hugetlb: sizes.flatMap((size) => ['.rsvd', ''].flatMap((kind) => hugeValues.map((value) => `hugetlb.${size}${kind}.${value}`))),
  rdma: ['rdma.current'],
})

/** The files to read for {@link statisticsOfV1}. */
export const filesOfV1 = (paths: CgroupPaths, sizes: readonly string[]): string[] =>
  Object.entries(byController(sizes)).flatMap(([controller, files]) =>
    paths[controller] === undefined ? [] : files.map((file) => `${paths[controller]}/${file}`))

/** `user` and `system` are in USER_HZ, which is 100 on every architecture of Linux that nrunc knows; time(7). */
const nanosecondsPerTick = 10_000_000

export function statisticsOfV1(paths: CgroupPaths, files: Files): Statistics {
  const text = (controller: string, file: string): string | undefined => files.read(`${paths[controller]}/${file}`)
  const throttling = pairs(text('cpu', 'cpu.stat'))
  const ticks = pairs(text('cpuacct', 'cpuacct.stat'))
  const perCpu = lines(text('cpuacct', 'cpuacct.usage_all')).slice(1).map((line) => line.split(' '))
  const memory = (kind: typeof memoryKinds[number]): MemoryUsage => {
    const [limit, usage, max, failcnt] = memoryValues.map((value) => integer(text('memory', `${kind}.${value}`)))
    return { limit: limit!, usage: usage!, max: max!, failcnt: failcnt! }
  }
  const raw = pairs(text('memory', 'memory.stat'))
  const flags = Object.fromEntries(cpusetFlags.map((name) => [name, small(text('cpuset', `cpuset.${name}`))]))
  return {
    cpu: {
      usage: {
        total: integer(text('cpuacct', 'cpuacct.usage')),
        percpu: (text('cpuacct', 'cpuacct.usage_percpu') ?? '').trim().split(' ').filter(Boolean).map(integer),
        percpu_kernel: perCpu.map(([, , system]) => integer(system)),
        percpu_user: perCpu.map(([, user]) => integer(user)),
        kernel: Number(ticks['system'] ?? 0) * nanosecondsPerTick,
        user: Number(ticks['user'] ?? 0) * nanosecondsPerTick,
      },
      throttling: {
        periods: throttling['nr_periods'] ?? 0, throttledPeriods: throttling['nr_throttled'] ?? 0,
        throttledTime: throttling['throttled_time'] ?? 0,
      },
    },
    cpuset: {
      cpus: numberList(text('cpuset', 'cpuset.cpus')), mems: numberList(text('cpuset', 'cpuset.mems')),
      ...flags as Record<typeof cpusetFlags[number], number>,
    },
    memory: {
      cache: raw['cache'] ?? 0, usage: memory('memory'), swap: memory('memory.memsw'), kernel: memory('memory.kmem'),
      kernelTCP: memory('memory.kmem.tcp'), raw,
      oomKills: Number(pairs(text('memory', 'memory.oom_control'))['oom_kill'] ?? 0),
    },
    pids: pidsUsage(text('pids', 'pids.current'), text('pids', 'pids.max')),
    blkio: blockIo((file) => text('blkio', file)),
    hugetlb: paths['hugetlb'] === undefined ? hugePagesOfV2(paths[''] ?? '', files) : hugePages((file) => text('hugetlb', file), files.sizes),
    rdma: rdmaUsage(text('rdma', 'rdma.current')),
    misc: {},
  }
}

function blockIo(text: (file: string) => string | undefined): Statistics['blkio'] {
  const empty = Object.fromEntries(Object.keys(blockTables).map((table) => [table, []])) as unknown as Record<BlockTable, BlockIoEntry[]>
  for (const source of blockSources) {
    const tables = blockFiles(source).map(([table, file]) => [table, blockTable(text(file))] as const)
    if (tables.some(([, entries]) => entries.length > 0)) return { ...empty, ...Object.fromEntries(tables) }
  }
  return empty
}

/** What is reserved where the kernel counts it (Linux 5.7), as runc does. */
function hugePages(text: (file: string) => string | undefined, sizes: readonly string[]): Statistics['hugetlb'] {
  return Object.fromEntries(sizes.map((size) => {
    const kind = text(`hugetlb.${size}.rsvd.usage_in_bytes`) === undefined ? '' : '.rsvd'
    const [usage, max, failcnt] = hugeValues.map((value) => integer(text(`hugetlb.${size}${kind}.${value}`)))
    return [size, { usage: usage!, max: max!, failcnt: failcnt! }]
  }))
}
