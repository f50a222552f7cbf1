/**
 * Resources -> files of cgroup v1. Source: runtime-spec config-linux.md "Control groups", the kernel's
 * admin-guide/cgroup-v1. The order of the rows is the order of the writes.
 */
import type { Resources, ThrottleDevice, WeightDevice } from '../spec/schema.ts'
import {
  given, type HasFile, invalid, type Limit, limits, type MaybeInteger, nonZero, pidsMax, rdmaLimits, type Row,
} from './limit.ts'

/**
 * The writes of every controller, by its name. Zero means "not set" where Docker writes zeros: limits, shares, weights.
 * `memory.kernel`, `.kernelTCP` and `.useHierarchy` have no effect, as in runc.
 *
 * @throws NruncError ERR_CONFIG_INVALID for a value that the kernel would change silently or that makes no sense
 */
export const v1Controllers: Readonly<Record<string, (resources: Resources, has: HasFile) => Limit[]>> = {
  cpuset: ({ cpu }) => limits('/linux/resources/cpu', [
    ['cpuset.cpus', cpu?.cpus || undefined, 'cpus'],
    ['cpuset.mems', cpu?.mems || undefined, 'mems'],
  ]),

  memory: ({ memory }) => {
    const limit = nonZero(memory?.limit)
    const swap = nonZero(memory?.swap)
    const unlimited = swap === '-1' || (swap === undefined && limit === '-1')
    return limits('/linux/resources/memory', [
      ['memory.memsw.limit_in_bytes', unlimited ? '-1' : undefined, swap === undefined ? 'limit' : 'swap', 'optional'],
      ['memory.limit_in_bytes', limit, 'limit'],
      ['memory.memsw.limit_in_bytes', unlimited ? undefined : swap, 'swap'],
      ['memory.soft_limit_in_bytes', nonZero(memory?.reservation), 'reservation'],
      ['memory.oom_control', memory?.disableOOMKiller ? '1' : undefined, 'disableOOMKiller'],
      ['memory.swappiness', swappiness(memory?.swappiness), 'swappiness'],
    ])
  },

  cpu: ({ cpu }) => limits('/linux/resources/cpu', [
    ['cpu.idle', given(cpu?.idle), 'idle'],
    ['cpu.shares', shares(cpu?.shares), 'shares'],
    ['cpu.cfs_period_us', nonZero(cpu?.period), 'period'],
    ['cpu.cfs_quota_us', nonZero(cpu?.quota), 'quota'],
    ['cpu.cfs_burst_us', given(cpu?.burst), 'burst', 'optional'],
    ['cpu.rt_period_us', nonZero(cpu?.realtimePeriod), 'realtimePeriod'],
    ['cpu.rt_runtime_us', nonZero(cpu?.realtimeRuntime), 'realtimeRuntime'],
  ]),

  pids: ({ pids }) => limits('/linux/resources/pids', [['pids.max', pidsMax(pids?.limit), 'limit']]),

  blkio: ({ blockIO }, has) => {
    const asked = nonZero(blockIO?.weight) !== undefined || (blockIO?.weightDevice ?? []).length > 0
    // The plain names belong to the CFQ scheduler, which Linux 5.0 removed.
    const weight = asked && has('blkio', 'blkio.weight') === true ? 'blkio.weight' : 'blkio.bfq.weight'
    return limits('/linux/resources/blockIO', [
      [weight, nonZero(blockIO?.weight), 'weight'],
      ['blkio.leaf_weight', nonZero(blockIO?.leafWeight), 'leafWeight'],
      ...(blockIO?.weightDevice ?? []).flatMap((device, index): Row[] => [
        [`${weight}_device`, prefixed(device, nonZero(device.weight)), `weightDevice/${index}/weight`],
        ['blkio.leaf_weight_device', prefixed(device, nonZero(device.leafWeight)), `weightDevice/${index}/leafWeight`],
      ]),
      ...throttle('throttleReadBpsDevice', 'blkio.throttle.read_bps_device', blockIO?.throttleReadBpsDevice),
      ...throttle('throttleWriteBpsDevice', 'blkio.throttle.write_bps_device', blockIO?.throttleWriteBpsDevice),
      ...throttle('throttleReadIOPSDevice', 'blkio.throttle.read_iops_device', blockIO?.throttleReadIOPSDevice),
      ...throttle('throttleWriteIOPSDevice', 'blkio.throttle.write_iops_device', blockIO?.throttleWriteIOPSDevice),
    ])
  },

  hugetlb: ({ hugepageLimits }) => (hugepageLimits ?? []).flatMap(({ pageSize, limit }, index) => {
    const prefix = `/linux/resources/hugepageLimits/${index}`
    const name = `hugetlb.${pageSize}`
    return limits(prefix, [
      [`${name}.limit_in_bytes`, String(limit), 'limit'],
      [`${name}.rsvd.limit_in_bytes`, String(limit), 'limit', 'optional'],
    ])
  }),

  net_cls: ({ network }) => limits('/linux/resources/network', [
    ['net_cls.classid', nonZero(network?.classID), 'classID'],
  ]),

  net_prio: ({ network }) => limits('/linux/resources/network', (network?.priorities ?? []).map(
    ({ name, priority }, index): Row => ['net_prio.ifpriomap', `${name} ${priority}`, `priorities/${index}/priority`])),

  rdma: ({ rdma }) => rdmaLimits(rdma),
}

const prefixed = ({ major, minor }: WeightDevice | ThrottleDevice, value: string | undefined): string | undefined =>
  value === undefined ? undefined : `${major}:${minor} ${value}`

const throttle = (name: string, file: string, devices: readonly ThrottleDevice[] = []): Row[] =>
  devices.map((device, index) => [file, prefixed(device, String(device.rate)), `${name}/${index}/rate`])

/** The kernel moves shares outside of 2..262144 to the nearest bound without a word. */
function shares(value: MaybeInteger): string | undefined {
  if (value === undefined || Number(value) === 0) return undefined
  if (value < 2) throw invalid('/linux/resources/cpu/shares', 'the minimum allowed cpu-shares is 2')
  if (value > 262144) throw invalid('/linux/resources/cpu/shares', 'the maximum allowed cpu-shares is 262144')
  return String(value)
}

/** -1, also in its unsigned form, leaves the parent's value. */
const swappiness = (value: MaybeInteger): string | undefined =>
  (value === undefined || BigInt.asIntN(64, BigInt(value)) === -1n ? undefined : String(value))
