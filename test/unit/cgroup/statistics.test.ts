import { describe, expect, test } from 'vitest'
import { hugePageName } from '../../../lib/cgroup/statistics.ts'
import { filesOfV1, statisticsOfV1 } from '../../../lib/cgroup/statistics-v1.ts'
import { filesOfV2, statisticsOfV2 } from '../../../lib/cgroup/statistics-v2.ts'
import { integer, numberList, pressure } from '../../../lib/cgroup/statistics-text.ts'
import { eventLine, statisticsData } from '../../../lib/cli/statistics.ts'
import { paths, v1, v2 } from './statistics-samples.ts'

const from = (files: Readonly<Record<string, string>>, sizes: readonly string[] = ['2MB']) =>
  ({ read: (path: string): string | undefined => files[path], sizes })

describe('v1', () => {
  const statistics = statisticsOfV1(paths, from(v1))

  test('each controller from its files', () => {
    expect(statistics.cpu).toEqual({
      usage: {
        total: 123456789, percpu: [100, 23], percpu_kernel: [40, 3], percpu_user: [60, 20], kernel: 70_000_000,
        user: 50_000_000,
      },
      throttling: { periods: 3, throttledPeriods: 2, throttledTime: 1000 },
    })
    expect(statistics.cpuset).toMatchObject({ cpus: [0, 1, 2, 7], mems: [0], sched_relax_domain_level: -1, sched_load_balance: 1 })
    expect(statistics.memory).toMatchObject({
      cache: 4096, usage: { limit: 9223372036854771712n, usage: 5, max: 6, failcnt: 7 }, swap: { usage: 8 },
      raw: { rss: 10, cache: 4096, hierarchical_memory_limit: 9223372036854771712n }, oomKills: 2,
    })
    expect(statistics.pids).toEqual({ current: 4, limit: 0 })
    expect(statistics.hugetlb).toEqual({ '2MB': { usage: 2, max: 0, failcnt: 1 } })
    expect(statistics.rdma).toEqual({ mlx5_0: { hcaHandles: 2, hcaObjects: 2000 } })
  })

  test('block I/O from the first source that has something', () => {
    expect(statistics.blkio).toMatchObject({
      ioServicedRecursive: [{ major: 8, minor: 0, op: 'Read', value: 3 }, { major: 8, minor: 0, op: 'Total', value: 3 }],
      ioServiceBytesRecursive: [{ major: 8, minor: 16, op: 'Write', value: 4096 }], sectorsRecursive: [],
    })
    const bfq = { ...v1, '/b/blkio.bfq.io_serviced_recursive': '8:0 Sync 1\n', '/b/blkio.bfq.sectors_recursive': '8:0 5\n' }
    expect(statisticsOfV1(paths, from(bfq)).blkio).toMatchObject({
      ioServicedRecursive: [{ major: 8, minor: 0, op: 'Sync', value: 1 }],
      sectorsRecursive: [{ major: 8, minor: 0, op: '', value: 5 }], ioServiceBytesRecursive: [],
    })
  })

  test('no file is read that was not asked for, and none twice', () => {
    const listed = filesOfV1(paths, ['2MB'])
    expect(new Set(listed).size).toBe(listed.length)
    statisticsOfV1(paths, { sizes: ['2MB'], read: (path) => {
      expect(listed).toContain(path)
      return v1[path]
    } })
    expect(Object.keys(v1).filter((path) => !listed.includes(path))).toEqual([])
    expect(filesOfV1({ pids: '/p' }, [])).toEqual(['/p/pids.current', '/p/pids.max'])
  })

  test('without any controller all is zero', () => {
    expect(statisticsOfV1({ devices: '/d' }, from({}))).toMatchObject({ pids: { current: 0 }, memory: { raw: {} }, hugetlb: {} })
  })

  test('on a hybrid host huge pages come from the cgroup2', () => {
    const hybrid = { memory: '/m', '': '/u' }
    expect(filesOfV2(hybrid, ['2MB'])).toEqual(['/u/hugetlb.2MB.rsvd.current', '/u/hugetlb.2MB.current', '/u/hugetlb.2MB.events'])
    expect(statisticsOfV1(hybrid, from({ '/u/hugetlb.2MB.current': '5', '/u/hugetlb.2MB.events': 'max 3\n' })).hugetlb)
      .toEqual({ '2MB': { usage: 5, max: 0, failcnt: 3 } })
  })
})

describe('v2, in the terms of v1', () => {
  const statistics = statisticsOfV2('/u', from(v2))

  test('each controller from its files', () => {
    expect(statistics.cpu).toEqual({
      usage: { total: 30_000, percpu: [], percpu_kernel: [], percpu_user: [], kernel: 10_000, user: 20_000 },
      throttling: { periods: 4, throttledPeriods: 1, throttledTime: 5000 },
      psi: { some: { avg10: 1.5, avg60: 0.25, avg300: 0, total: 123 }, full: { avg10: 0, avg60: 0, avg300: 0, total: 0 } },
    })
    expect(statistics.memory).toMatchObject({
      cache: 2, usage: { limit: 1000, usage: 100, max: 200, failcnt: 0 }, swap: { limit: 1050, usage: 107, max: 0 },
      psi: { full: { avg10: 0.1, total: 12 } }, oomKills: 2,
    })
    expect(statistics.pids).toEqual({ current: 5, limit: 10 })
    expect(statistics.blkio).toMatchObject({
      ioServiceBytesRecursive: [
        { major: 8, minor: 0, op: 'Read', value: 1 }, { major: 8, minor: 0, op: 'Write', value: 2 },
        { major: 8, minor: 16, op: 'Read', value: 18446744073709551615n },
      ],
      ioServicedRecursive: [{ major: 8, minor: 0, op: 'Read', value: 3 }, { major: 8, minor: 0, op: 'Write', value: 4 }],
    })
    expect(statistics.hugetlb).toEqual({ '2MB': { usage: 6, max: 0, failcnt: 1 } })
    expect(statistics.misc).toEqual({ res_a: 3 })
  })

  test('without controllers: the processes of the cgroup are counted, the rest is zero', () => {
    const bare = statisticsOfV2('/u', from({ '/u/cgroup.procs': '7\n9\n', '/u/cpu.stat': 'usage_usec 1\n' }))
    expect(bare.pids).toEqual({ current: 2, limit: 0 })
    expect([bare.cpu.psi, bare.memory.psi, bare.hugetlb]).toEqual([undefined, undefined, {}])
  })

  test.each([['max', '50'], ['1000', 'max'], ['max', 'max']])('memory %s and swap %s are together unlimited', (memory, swap) => {
    const files = { ...v2, '/u/memory.max': memory, '/u/memory.swap.max': swap }
    expect(statisticsOfV2('/u', from(files)).memory.swap.limit).toBe(18446744073709551615n)
  })

  test('no file is read that was not asked for', () => {
    const listed = filesOfV2({ '': '/u' }, ['2MB'])
    statisticsOfV2('/u', { sizes: ['2MB'], read: (path) => {
      expect(listed).toContain(path)
      return v2[path]
    } })
    expect(Object.keys(v2).filter((path) => !listed.includes(path))).toEqual([])
    expect(filesOfV2({ cpu: '/c' }, ['2MB'])).toEqual([])
  })
})

describe('the forms of the files', () => {
  test.each<[string | undefined, number | bigint]>([
    ['max\n', 18446744073709551615n], ['9007199254740993', 9007199254740993n], [' 5 \n', 5], ['-1', -1], [undefined, 0], ['x', 0],
  ])('the number %j', (text, value) => expect(integer(text)).toBe(value))

  test('lists of numbers', () => expect(numberList('0-1,5,7-7\n')).toEqual([0, 1, 5, 7]))

  test('what is no number in a pressure file is 0, and a line of io.stat without a device is left out', () => {
    expect(pressure('some avg10=x avg60 total=3\n')?.some).toEqual({ avg10: 0, avg60: 0, avg300: 0, total: 3 })
    expect(statisticsOfV2('/u', from({ '/u/io.stat': '8:x rbytes=1\nx rbytes=1\n8:0 rbytes=2\n' })).blkio.ioServiceBytesRecursive)
      .toEqual([{ major: 8, minor: 0, op: 'Read', value: 2 }])
  })

  test.each(['', '\n', 'x', '1-', '-1', '3-2', '0-99999999999', '65536', '1e3', '0-1-2'])('no list of numbers: %j', (text) =>
    expect(numberList(text)).toEqual([]))
  test('no pressure where the kernel counts none', () => expect(pressure('')).toBeUndefined())

  test.each([['hugepages-2048kB', '2MB'], ['hugepages-1048576kB', '1GB'], ['hugepages-64kB', '64KB'], ['other', undefined]])(
    'huge pages %s are %s', (directory, name) => expect(hugePageName(directory)).toBe(name))
})

describe('events of runc', () => {
  test('v1: what is zero is left out where runc leaves it out', () => {
    expect(eventLine('stats', 'web', statisticsData(statisticsOfV1(paths, from(v1))))).toBe('{"type":"stats","id":"web","data":{'
      + '"cpu":{"usage":{"total":123456789,"percpu":[100,23],"percpu_kernel":[40,3],"percpu_user":[60,20],"kernel":70000000,"user":50000000},'
      + '"throttling":{"periods":3,"throttledPeriods":2,"throttledTime":1000}},'
      + '"cpuset":{"cpus":[0,1,2,7],"cpu_exclusive":0,"mems":[0],"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":1,"sched_relax_domain_level":-1},'
      + '"memory":{"cache":4096,"usage":{"limit":9223372036854771712,"usage":5,"max":6,"failcnt":7},"swap":{"limit":0,"usage":8,"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},"raw":{"cache":4096,"hierarchical_memory_limit":9223372036854771712,"rss":10}},'
      + '"pids":{"current":4},'
      + '"blkio":{"ioServiceBytesRecursive":[{"major":8,"minor":16,"op":"Write","value":4096}],"ioServicedRecursive":[{"major":8,"op":"Read","value":3},{"major":8,"op":"Total","value":3}]},'
      + '"hugetlb":{"2MB":{"usage":2,"failcnt":1}},"intel_rdt":{},"network_interfaces":null}}\n')
  })

  test('v2: with pressure', () => {
    expect(JSON.parse(eventLine('stats', 'web', statisticsData(statisticsOfV2('/u', from(v2)))))).toMatchObject({ data: {
      cpu: { usage: { total: 30000 }, psi: { some: { avg10: 1.5, total: 123 }, full: { avg10: 0 } } },
      memory: { psi: { full: { total: 12 } } }, pids: { current: 5, limit: 10 },
    } })
  })

  test('out of memory', () => expect(eventLine('oom', 'web')).toBe('{"type":"oom","id":"web"}\n'))
})
