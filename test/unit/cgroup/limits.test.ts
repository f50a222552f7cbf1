import { describe, expect, test } from 'vitest'
import type { HasFile } from '../../../lib/cgroup/limit.ts'
import { v1Controllers } from '../../../lib/cgroup/v1.ts'
import { cpuWeight, ioWeight, v2Controllers } from '../../../lib/cgroup/v2.ts'
import { NruncError } from '../../../lib/errors.ts'
import type { Resources } from '../../../lib/spec/schema.ts'

const unknown: HasFile = () => undefined
const writes = (tables: typeof v1Controllers, controller: string, resources: Resources, has = unknown): string[] =>
  tables[controller]!(resources, has).map(({ file, value, optional }) => `${file}=${value}${optional ? ' ?' : ''}`)
const onV1 = (controller: string, resources: Resources, has?: HasFile) =>
  writes(v1Controllers, controller, resources, has)
const onV2 = (controller: string, resources: Resources, has?: HasFile) =>
  writes(v2Controllers, controller, resources, has)

function refusal(action: () => unknown): { code: string, field: string | undefined, message: string } {
  try {
    action()
  } catch (error) {
    if (error instanceof NruncError) return { code: error.code, field: error.field, message: error.message }
    throw error
  }
  throw new Error('nothing was refused')
}

test.each(Object.keys(v1Controllers))('nothing is written for absent or zero resources: v1 %s', controller => {
  expect(onV1(controller, {})).toEqual([])
  expect(onV1(controller, zeros)).toEqual([])
})

test.each(Object.keys(v2Controllers))('nothing is written for absent or zero resources: v2 %s', controller => {
  expect(onV2(controller, {})).toEqual([])
  expect(onV2(controller, zeros)).toEqual([])
})

/** As Docker writes what was not asked for. */
const zeros: Resources = {
  memory: { limit: 0, reservation: 0, swap: 0, kernel: 0, kernelTCP: 0, disableOOMKiller: false },
  cpu: { shares: 0, quota: 0, period: 0, realtimeRuntime: 0, realtimePeriod: 0, cpus: '', mems: '' },
  pids: {}, hugepageLimits: [], network: { classID: 0, priorities: [] }, rdma: { mlx5_1: {} }, unified: {},
  blockIO: { weight: 0, leafWeight: 0, weightDevice: [{ major: 8, minor: 0, weight: 0 }] },
}

describe('memory on v1', () => {
  test.each<[string, NonNullable<Resources['memory']>, string[]]>([
    ['the limit comes before memory and swap together', { limit: 1000, swap: 3000 },
      ['memory.limit_in_bytes=1000', 'memory.memsw.limit_in_bytes=3000']],
    ['unlimited swap comes first', { limit: 1000, swap: -1 },
      ['memory.memsw.limit_in_bytes=-1 ?', 'memory.limit_in_bytes=1000']],
    ['unlimited memory makes swap unlimited', { limit: -1 },
      ['memory.memsw.limit_in_bytes=-1 ?', 'memory.limit_in_bytes=-1']],
    ['unlimited memory with a swap limit', { limit: -1, swap: 5 },
      ['memory.limit_in_bytes=-1', 'memory.memsw.limit_in_bytes=5']],
    ['the rest', { reservation: 7, disableOOMKiller: true, swappiness: 0, kernel: 9, kernelTCP: 9, useHierarchy: true },
      ['memory.soft_limit_in_bytes=7', 'memory.oom_control=1', 'memory.swappiness=0']],
    ['64 bits are exact', { limit: 9223372036854771713n }, ['memory.limit_in_bytes=9223372036854771713']],
    ['swappiness -1 is not written', { swappiness: -1 }, []],
    ['swappiness -1 as an unsigned number', { swappiness: 18446744073709551615n }, []],
  ])('%s', (_, memory, expected) => {
    expect(onV1('memory', { memory })).toEqual(expected)
  })
})

describe('memory on v2', () => {
  test.each<[string, NonNullable<Resources['memory']>, string[]]>([
    ['swap is what exceeds the limit', { limit: 1000, swap: 3000 }, ['memory.swap.max=2000', 'memory.max=1000']],
    ['no swap', { limit: 1000, swap: 1000 }, ['memory.swap.max=0 ?', 'memory.max=1000']],
    ['unlimited swap', { limit: 1000, swap: -1 }, ['memory.swap.max=max ?', 'memory.max=1000']],
    ['unlimited memory makes swap unlimited', { limit: -1 }, ['memory.swap.max=max ?', 'memory.max=max']],
    ['unlimited memory, limited swap', { limit: -1, swap: 5 }, ['memory.swap.max=5', 'memory.max=max']],
    ['reservation', { reservation: 7 }, ['memory.low=7']],
    ['unlimited reservation', { reservation: -1 }, ['memory.low=max']],
    ['64 bits are exact', { limit: 9007199254740993n, swap: 9007199254740995n },
      ['memory.swap.max=2', 'memory.max=9007199254740993']],
    ['what only v1 knows', { swappiness: 500, disableOOMKiller: true, kernel: 9 }, []],
  ])('%s', (_, memory, expected) => {
    expect(onV2('memory', { memory })).toEqual(expected)
  })

  test.each([
    [{ swap: 5 }, 'swap', 'unable to set swap limit without memory limit'],
    [{ limit: 5, swap: 4 }, 'swap', 'memory+swap limit should be >= memory limit'],
    [{ limit: -5, swap: 4 }, 'limit', 'invalid memory value: -5'],
  ])('%j is refused', (memory, name, message) => {
    expect(refusal(() => onV2('memory', { memory }))).toEqual({
      code: 'ERR_CONFIG_INVALID', field: `/linux/resources/memory/${name}`, message,
    })
  })
})

describe('cpu', () => {
  const cpu = {
    shares: 512, quota: 50000, period: 200000, burst: 1000, realtimeRuntime: 3, realtimePeriod: 4, idle: 1,
    cpus: '0-1', mems: '0',
  }

  test('on v1, in an order that the kernel accepts', () => {
    expect(onV1('cpu', { cpu })).toEqual([
      'cpu.idle=1', 'cpu.shares=512', 'cpu.cfs_period_us=200000', 'cpu.cfs_quota_us=50000', 'cpu.cfs_burst_us=1000 ?',
      'cpu.rt_period_us=4', 'cpu.rt_runtime_us=3',
    ])
    expect(onV1('cpuset', { cpu })).toEqual(['cpuset.cpus=0-1', 'cpuset.mems=0'])
  })

  test('on v2', () => {
    expect(onV2('cpu', { cpu })).toEqual(['cpu.idle=1', 'cpu.weight=59', 'cpu.max=50000 200000', 'cpu.max.burst=1000'])
    expect(onV2('cpuset', { cpu })).toEqual(['cpuset.cpus=0-1', 'cpuset.mems=0'])
  })

  test.each([
    [{ quota: 5000 }, 'cpu.max=5000 100000'], [{ period: 5000 }, 'cpu.max=max 5000'],
    [{ quota: -1 }, 'cpu.max=max 100000'], [{ quota: -1, period: 9 }, 'cpu.max=max 9'],
  ])('bandwidth %j on v2', (bandwidth, expected) => {
    expect(onV2('cpu', { cpu: bandwidth })).toEqual([expected])
  })

  test('a quota of -1 is written on v1', () => {
    expect(onV1('cpu', { cpu: { quota: -1 } })).toEqual(['cpu.cfs_quota_us=-1'])
  })

  test('idle 0 and burst 0 are values', () => {
    expect(onV1('cpu', { cpu: { idle: 0, burst: 0 } })).toEqual(['cpu.idle=0', 'cpu.cfs_burst_us=0 ?'])
    expect(onV2('cpu', { cpu: { idle: 0, burst: 0 } })).toEqual(['cpu.idle=0', 'cpu.max.burst=0'])
  })

  test.each([[1, 'minimum', 2], [262145, 'maximum', 262144]])('shares %i are refused on v1', (shares, bound, value) => {
    expect(refusal(() => onV1('cpu', { cpu: { shares } }))).toEqual({
      code: 'ERR_CONFIG_INVALID', field: '/linux/resources/cpu/shares',
      message: `the ${bound} allowed cpu-shares is ${value}`,
    })
  })

  test.each([
    [0, 0], [1, 1], [2, 1], [3, 2], [1024, 100], [1025, 101], [2048, 174], [262143, 10000], [262144, 10000],
    [300000, 10000],
  ])('shares %i are the weight %i', (shares, weight) => {
    expect(cpuWeight(shares)).toBe(weight)
  })
})

test.each([[5, '5'], [-1, 'max'], [-7, 'max'], [0, '1']])('pids limit %i is written as %s', (limit, value) => {
  expect(onV1('pids', { pids: { limit } })).toEqual([`pids.max=${value}`])
  expect(onV2('pids', { pids: { limit } })).toEqual([`pids.max=${value}`])
})

describe('block devices', () => {
  const device = { major: 8, minor: 16 }
  const blockIO = {
    weight: 500, leafWeight: 300, weightDevice: [{ ...device, weight: 100, leafWeight: 200 }],
    throttleReadBpsDevice: [{ ...device, rate: 1 }], throttleWriteBpsDevice: [{ ...device, rate: 2 }],
    throttleReadIOPSDevice: [{ ...device, rate: 3 }],
    throttleWriteIOPSDevice: [{ ...device, rate: 4 }, { ...device, rate: 0 }],
  }
  const throttleV1 = [
    'blkio.throttle.read_bps_device=8:16 1', 'blkio.throttle.write_bps_device=8:16 2',
    'blkio.throttle.read_iops_device=8:16 3', 'blkio.throttle.write_iops_device=8:16 4',
    'blkio.throttle.write_iops_device=8:16 0',
  ]
  const throttleV2 = [
    'io.max=8:16 rbps=1', 'io.max=8:16 wbps=2', 'io.max=8:16 riops=3', 'io.max=8:16 wiops=4', 'io.max=8:16 wiops=max',
  ]

  test('on v1 with BFQ, which any newer kernel has', () => {
    expect(onV1('blkio', { blockIO })).toEqual([
      'blkio.bfq.weight=500', 'blkio.leaf_weight=300', 'blkio.bfq.weight_device=8:16 100',
      'blkio.leaf_weight_device=8:16 200', ...throttleV1,
    ])
  })

  test('on v1 with CFQ', () => {
    const cfq: HasFile = (controller, file) => controller === 'blkio' && file === 'blkio.weight'
    expect(onV1('blkio', { blockIO }, cfq)).toEqual([
      'blkio.weight=500', 'blkio.leaf_weight=300', 'blkio.weight_device=8:16 100',
      'blkio.leaf_weight_device=8:16 200', ...throttleV1,
    ])
  })

  test('on v2 with BFQ, with the cost model, and where neither is known to be there', () => {
    expect(onV2('io', { blockIO }, () => true)).toEqual(['io.bfq.weight=500', 'io.bfq.weight=8:16 100', ...throttleV2])
    expect(onV2('io', { blockIO }, () => false)).toEqual(['io.weight=4950', 'io.weight=8:16 910', ...throttleV2])
    expect(onV2('io', { blockIO })).toEqual([
      'io.bfq.weight=500 ?', 'io.weight=4950 ?', 'io.bfq.weight=8:16 100 ?', 'io.weight=8:16 910 ?', ...throttleV2,
    ])
  })

  test('the kernel is asked only when there is a weight', () => {
    const never: HasFile = () => { throw new Error('asked') }
    expect(onV1('blkio', { blockIO: { weight: 0, weightDevice: [] } }, never)).toEqual([])
    expect(onV2('io', { blockIO: { weight: 0, weightDevice: [] } }, never)).toEqual([])
  })

  test.each([[0, 0], [10, 1], [100, 910], [1000, 10000]])('weight %i is %i on v2', (weight, expected) => {
    expect(ioWeight(weight)).toBe(expected)
  })

  test('fields name the entry of the list', () => {
    expect(v1Controllers['blkio']!({ blockIO }, unknown).map(({ field }) => field)).toContain(
      '/linux/resources/blockIO/throttleWriteIOPSDevice/1/rate')
    expect(v2Controllers['io']!({ blockIO }, unknown).at(-1)?.field).toBe(
      '/linux/resources/blockIO/throttleWriteIOPSDevice/1/rate')
  })
})

test('huge pages: zero is a limit, and reservations are limited where the kernel can', () => {
  const hugepageLimits = [{ pageSize: '2MB', limit: 0 }, { pageSize: '1GB', limit: 18446744073709551615n }]
  expect(onV1('hugetlb', { hugepageLimits })).toEqual([
    'hugetlb.2MB.limit_in_bytes=0', 'hugetlb.2MB.rsvd.limit_in_bytes=0 ?',
    'hugetlb.1GB.limit_in_bytes=18446744073709551615', 'hugetlb.1GB.rsvd.limit_in_bytes=18446744073709551615 ?',
  ])
  expect(onV2('hugetlb', { hugepageLimits })).toEqual([
    'hugetlb.2MB.rsvd.max=0 ?', 'hugetlb.2MB.max=0',
    'hugetlb.1GB.rsvd.max=18446744073709551615 ?', 'hugetlb.1GB.max=18446744073709551615',
  ])
})

test('network: the class and the priorities of v1', () => {
  const network = { classID: 0x100001, priorities: [{ name: 'lo', priority: 500 }, { name: 'eth0', priority: 0 }] }
  expect(onV1('net_cls', { network })).toEqual(['net_cls.classid=1048577'])
  expect(onV1('net_prio', { network })).toEqual(['net_prio.ifpriomap=lo 500', 'net_prio.ifpriomap=eth0 0'])
  expect(v1Controllers['net_prio']!({ network }, unknown)[1]?.field).toBe(
    '/linux/resources/network/priorities/1/priority')
})

test('rdma is the same on both versions: what is not limited is left out', () => {
  const rdma = { 'mlx5/1': { hcaHandles: 3, hcaObjects: 10000 }, mlx4_0: { hcaObjects: 0 }, ocrdma1: {} }
  const lines = ['rdma.max=mlx5/1 hca_handle=3 hca_object=10000', 'rdma.max=mlx4_0 hca_object=0']
  expect(onV1('rdma', { rdma })).toEqual(lines)
  expect(onV2('rdma', { rdma })).toEqual(lines)
  expect(v2Controllers['rdma']!({ rdma }, unknown)[0]?.field).toBe('/linux/resources/rdma/mlx5~11')
})
