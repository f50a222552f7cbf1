/**
 * Resources -> files of cgroup v2. Source: runtime-spec config-linux.md "Control groups", the kernel's
 * admin-guide/cgroup-v2. The order of the rows is the order of the writes.
 */
import { pointer } from '../spec/pointer.ts'
import type { Resources, ThrottleDevice } from '../spec/schema.ts'
import {
  given, type HasFile, invalid, type Limit, limits, type MaybeInteger, nonZero, pidsMax, rdmaLimits, type Row,
} from './limit.ts'

/**
 * The writes of every controller, by its name. Zero means "not set" where Docker writes zeros: limits, shares, weights.
 * Fields that only v1 knows (swappiness, disableOOMKiller, realtime, leaf weights) have no effect, as in runc.
 *
 * @throws NruncError ERR_CONFIG_INVALID for a swap limit that cannot be computed
 */
export const v2Controllers: Readonly<Record<string, (resources: Resources, has: HasFile) => Limit[]>> = {
  cpuset: ({ cpu }) => limits('/linux/resources/cpu', [
    ['cpuset.cpus', cpu?.cpus || undefined, 'cpus'],
    ['cpuset.mems', cpu?.mems || undefined, 'mems'],
  ]),

  memory: ({ memory }) => {
    const swap = swapMax(memory?.swap, memory?.limit)
    return limits('/linux/resources/memory', [
      // Without swap accounting "no swap" and "all of it" are what the container gets anyway.
      ['memory.swap.max', swap, 'swap', swap === 'max' || swap === '0' ? 'optional' : undefined],
      ['memory.max', orMax(memory?.limit), 'limit'],
      ['memory.low', orMax(memory?.reservation), 'reservation'],
    ])
  },

  cpu: ({ cpu }) => {
    const quota = nonZero(cpu?.quota)
    const period = nonZero(cpu?.period)
    const max = quota === undefined && period === undefined ? undefined
      : `${Number(quota ?? 0) > 0 ? quota : 'max'} ${period ?? defaultPeriod}`
    return limits('/linux/resources/cpu', [
      ['cpu.idle', given(cpu?.idle), 'idle'],
      ['cpu.weight', nonZero(cpuWeight(cpu?.shares ?? 0)), 'shares'],
      ['cpu.max', max, quota === undefined ? 'period' : 'quota'],
      ['cpu.max.burst', given(cpu?.burst), 'burst'],
    ])
  },

  pids: ({ pids }) => limits('/linux/resources/pids', [['pids.max', pidsMax(pids?.limit), 'limit']]),

  io: ({ blockIO }, has) => {
    const weight = nonZero(blockIO?.weight)
    const devices = blockIO?.weightDevice ?? []
    // BFQ, where it is there, otherwise the cost model; both may be missing.
    const bfq = weight === undefined && devices.length === 0 ? false : has('io', 'io.bfq.weight')
    const optional = bfq === undefined ? 'optional' : undefined
    return limits('/linux/resources/blockIO', [
      ['io.bfq.weight', bfq === false ? undefined : weight, 'weight', optional],
      ['io.weight', bfq === true ? undefined : nonZero(ioWeight(Number(weight ?? 0))), 'weight', optional],
      ...devices.flatMap(({ major, minor, weight = 0 }, index): Row[] => {
        const text = (value: number): string | undefined => (weight === 0 ? undefined : `${major}:${minor} ${value}`)
        const name = `weightDevice/${index}/weight`
        return [
          ['io.bfq.weight', bfq === false ? undefined : text(weight), name, optional],
          ['io.weight', bfq === true ? undefined : text(ioWeight(weight)), name, optional],
        ]
      }),
      ...throttle('throttleReadBpsDevice', 'rbps', blockIO?.throttleReadBpsDevice),
      ...throttle('throttleWriteBpsDevice', 'wbps', blockIO?.throttleWriteBpsDevice),
      ...throttle('throttleReadIOPSDevice', 'riops', blockIO?.throttleReadIOPSDevice),
      ...throttle('throttleWriteIOPSDevice', 'wiops', blockIO?.throttleWriteIOPSDevice),
    ])
  },

  hugetlb: ({ hugepageLimits }) => (hugepageLimits ?? []).flatMap(({ pageSize, limit }, index) => {
    const prefix = `/linux/resources/hugepageLimits/${index}`
    const name = `hugetlb.${pageSize}`
    return limits(prefix, [
      [`${name}.rsvd.max`, String(limit), 'limit', 'optional'],
      [`${name}.max`, String(limit), 'limit'],
    ])
  }),

  rdma: ({ rdma }) => rdmaLimits(rdma),
}

/**
 * `unified`: each line of a value is a write of its own. Not by controller: they come after all other limits.
 */
export const unifiedLimits = (unified: Resources['unified'] = {}): Limit[] =>
  Object.entries(unified).flatMap(([file, text]) => text.split('\n').filter((line) => line !== '').map((value) =>
    ({ file, value, field: pointer('linux', 'resources', 'unified', file), optional: false })))

/** Microseconds; the kernel's default of `cpu.max`. */
const defaultPeriod = 100000

const orMax = (value: MaybeInteger): string | undefined => (Number(value) === -1 ? 'max' : nonZero(value))

/** On v1 a rate of zero takes a limit away; v2 refuses it and wants `max`. */
const throttle = (name: string, key: string, devices: readonly ThrottleDevice[] = []): Row[] =>
  devices.map(({ major, minor, rate }, index) =>
    ['io.max', `${major}:${minor} ${key}=${nonZero(rate) ?? 'max'}`, `${name}/${index}/rate`])

/**
 * `cpu.shares` of v1 (2..262144, 1024 by default) as `cpu.weight` of v2 (1..10000, 100 by default): the quadratic curve
 * in log2 of the shares that meets all three pairs. 0 stays 0, "not set".
 */
export function cpuWeight(shares: number | bigint): number {
  const value = Number(shares)
  if (value === 0) return 0
  if (value <= 2) return 1
  if (value >= 262144) return 10000
  const log = Math.log2(value)
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34))
}

/** `blkio.weight` of v1 (10..1000) as `io.weight` of v2 (1..10000), linear. 0 stays 0, "not set". */
export const ioWeight = (weight: number): number =>
  weight === 0 ? 0 : 1 + Math.trunc(((weight - 10) * 9999) / 990)

/** In config.json swap is memory and swap together; v2 counts swap alone. */
function swapMax(swap: MaybeInteger, limit: MaybeInteger): string | undefined {
  const field = '/linux/resources/memory/swap'
  const both = BigInt(swap ?? 0)
  const memory = BigInt(limit ?? 0)
  if (both === -1n || (both === 0n && memory === -1n)) return 'max'
  if (both === 0n) return undefined
  if (memory === -1n) return String(both)
  if (memory === 0n) throw invalid(field, 'unable to set swap limit without memory limit')
  if (memory < 0n) throw invalid('/linux/resources/memory/limit', `invalid memory value: ${memory}`)
  if (both < memory) throw invalid(field, 'memory+swap limit should be >= memory limit')
  return String(both - memory)
}
