/**
 * What a container has used, in the terms of runc's `events --stats`. Source: runc's types/events.go,
 * admin-guide/cgroup-v1, admin-guide/cgroup-v2, Documentation/accounting/psi.
 */
import { existsSync, readdirSync } from 'node:fs'
import { posix } from 'node:path'
import { NruncError } from '../errors.ts'
import { readFiles } from '../native/files.ts'
import type { Integer64 } from '../spec/schema.ts'
import type { CgroupPaths } from './layout.ts'
import { type Files, integer } from './statistics-text.ts'
import { filesOfV1, statisticsOfV1 } from './statistics-v1.ts'
import { filesOfV2, statisticsOfV2 } from './statistics-v2.ts'

/** Share of time in which tasks waited, in percent over 10, 60 and 300 s; `total` in microseconds. */
export interface PressureLine {
  readonly avg10: number
  readonly avg60: number
  readonly avg300: number
  readonly total: Integer64
}
/** `some`: at least one task waited; `full`: all of them did. cgroup v2 only. */
export interface Pressure {
  readonly some: PressureLine
  readonly full: PressureLine
}
/** Bytes, and how often the limit was hit. A limit of 2^64-1 (v2) or almost 2^63 (v1) is none. */
export interface MemoryUsage {
  readonly limit: Integer64
  readonly usage: Integer64
  readonly max: Integer64
  readonly failcnt: Integer64
}
/** One line of a block I/O table: `op` is Read, Write, Sync, Async, Discard or Total. */
export interface BlockIoEntry {
  readonly major: number
  readonly minor: number
  readonly op: string
  readonly value: Integer64
}

/** The statistics of all controllers; what a controller that the container does not have would say is zero or empty. */
export interface Statistics {
  readonly cpu: {
    /** Nanoseconds; the lists have an entry for each CPU, on v1 only. */
    readonly usage: {
      readonly total: Integer64
      readonly percpu: readonly Integer64[]
      readonly percpu_kernel: readonly Integer64[]
      readonly percpu_user: readonly Integer64[]
      readonly kernel: Integer64
      readonly user: Integer64
    }
    /** `throttledTime` in nanoseconds. */
    readonly throttling: {
      readonly periods: Integer64
      readonly throttledPeriods: Integer64
      readonly throttledTime: Integer64
    }
    readonly psi?: Pressure | undefined
  }
  /** v1 only. */
  readonly cpuset: {
    readonly cpus: readonly number[]
    readonly cpu_exclusive: number
    readonly mems: readonly number[]
    readonly mem_hardwall: number
    readonly mem_exclusive: number
    readonly memory_migrate: number
    readonly memory_spread_page: number
    readonly memory_spread_slab: number
    readonly memory_pressure: number
    readonly sched_load_balance: number
    readonly sched_relax_domain_level: number
  }
  readonly memory: {
    readonly cache: Integer64
    readonly usage: MemoryUsage
    /** Memory and swap together, on v2 too. */
    readonly swap: MemoryUsage
    readonly kernel: MemoryUsage
    readonly kernelTCP: MemoryUsage
    /** The lines of `memory.stat`. */
    readonly raw: Readonly<Record<string, Integer64>>
    readonly psi?: Pressure | undefined
    /** How many processes the OOM killer has ended. */
    readonly oomKills: number
  }
  readonly pids: {
    readonly current: Integer64
    /** 0 is no limit. */
    readonly limit: Integer64
  }
  readonly blkio: {
    readonly ioServiceBytesRecursive: readonly BlockIoEntry[]
    readonly ioServicedRecursive: readonly BlockIoEntry[]
    readonly ioQueueRecursive: readonly BlockIoEntry[]
    readonly ioServiceTimeRecursive: readonly BlockIoEntry[]
    readonly ioWaitTimeRecursive: readonly BlockIoEntry[]
    readonly ioMergedRecursive: readonly BlockIoEntry[]
    readonly ioTimeRecursive: readonly BlockIoEntry[]
    readonly sectorsRecursive: readonly BlockIoEntry[]
    readonly psi?: Pressure | undefined
  }
  /** By page size, as `2MB`; bytes. */
  readonly hugetlb: Readonly<Record<string, { readonly usage: Integer64; readonly max: Integer64; readonly failcnt: Integer64 }>>
  /** By device, the lines of `rdma.current`. */
  readonly rdma: Readonly<Record<string, { readonly hcaHandles: number; readonly hcaObjects: number }>>
  /** By resource, the lines of `misc.current`. */
  readonly misc: Readonly<Record<string, Integer64>>
}

/** v1 names files alike in every cgroup: those that this kernel does not have are asked for once. */
const absent = new Set<string>()

/**
 * Read the statistics of the cgroups of `cgroup_paths`: one read for each file, all of them in one go.
 *
 * @throws NruncError ERR_CGROUP when the cgroups are gone
 */
export async function readStatistics(paths: CgroupPaths): Promise<Statistics> {
  const sizes = hugePageSizes()
  const v1 = filesOfV1(paths, sizes).filter((path) => !absent.has(posix.basename(path)))
  const found = await readFiles([...v1, ...filesOfV2(paths, sizes)])
  const read = (path: string): string | undefined => {
    const content = found.get(path)
    return content !== undefined && 'text' in content ? content.text : undefined
  }
  requireSome([...found.values()].some((content) => 'text' in content), paths)
  const present = new Set(v1.filter((path) => read(path) !== undefined).map(posix.dirname))
  for (const path of v1) {
    const content = found.get(path)!
    if (!('errno' in content) || content.errno !== 'ENOENT' || !present.has(posix.dirname(path))) continue
    if (existsSync(posix.dirname(path))) absent.add(posix.basename(path)) // and not removed meanwhile, with all its files
  }
  const files: Files = { read, sizes }
  return Object.keys(paths).every((controller) => controller === '')
    ? statisticsOfV2(paths[''] ?? '', files)
    : statisticsOfV1(paths, files)
}

function requireSome(some: boolean, paths: CgroupPaths): void {
  const [directory] = Object.values(paths)
  if (some) return
  const message = directory === undefined ? 'the container has no cgroup' : `cannot read the statistics of cgroup "${directory}": ENOENT`
  throw new NruncError('ERR_CGROUP', message, { operand: directory, errno: directory && 'ENOENT' })
}

let pageSizes: string[] | undefined

/** The sizes of the host's huge pages, as the files of the hugetlb controller name them. */
function hugePageSizes(): readonly string[] {
  if (pageSizes !== undefined) return pageSizes
  try {
    return pageSizes = readdirSync('/sys/kernel/mm/hugepages').flatMap((name) => hugePageName(name) ?? [])
  } catch {
    return pageSizes = []
  }
}

/** `hugepages-2048kB` -> `2MB`. */
export function hugePageName(directory: string): string | undefined {
  const size = integer(/^hugepages-(\d+)kB$/.exec(directory)?.[1])
  if (size === 0 || typeof size === 'bigint') return undefined
  return size >= 1 << 20 ? `${size >> 20}GB` : size >= 1024 ? `${size >> 10}MB` : `${size}KB`
}
