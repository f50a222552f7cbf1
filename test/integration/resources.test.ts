/**
 * Every limit of `linux.resources`, as the container sees it in its own cgroup. Source: runtime-spec config-linux.md
 * "Control groups", admin-guide/cgroup-v1, admin-guide/cgroup-v2.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bySystemd, cgroupDirectory, groupRoot, hierarchyOf, testCgroups } from '../helpers/cgroup.ts'
import { controllers2, isUnified, lackingCgroup2, throughCgroup2, unifiedDirectory } from '../helpers/cgroup2.ts'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

type Resources = NonNullable<TestSpec['linux']['resources']>

const has1 = (controller: string): boolean => hierarchyOf(controller)?.version === 1
const testIf = (lacking: string | undefined, name: string, body: () => Promise<void>): void => {
  if (lacking === undefined) test(name, body)
  else test.skip(`${name} (skipped: ${lacking})`, body)
}

describeWith(container, 'limits, from inside', () => {
  const sandbox = useSandbox()
  const limit = (resources: Resources) => ({ linux }: TestSpec): void => {
    linux.resources = { ...linux.resources, ...resources }
  }
  /** What the files of the container's own v1 cgroup hold, as `CONTROLLER/FILE`. */
  const inside = async (resources: Resources, ...files: readonly string[]): Promise<string[]> => {
    const paths = files.map((file) => `/sys/fs/cgroup/${file}`)
    const { stdout, stderr } = await sandbox.output(['cat', ...paths], limit(resources))
    expect(stderr).toBe('')
    return stdout.trim().split('\n')
  }
  /** The same for a container on a host with cgroup2 alone; CONFIG may change its spec further. */
  const inside2 = async (resources: Resources, words: readonly string[], config?: (spec: TestSpec) => void) => {
    const { id, bundle } = sandbox.bundle(words, (spec) => {
      limit(resources)(spec)
      spec.linux.namespaces.push({ type: 'cgroup' })
      config?.(spec)
    })
    const { code, stdout, stderr } = await sandbox.nrunc(['run', '--bundle', bundle, id], { through: throughCgroup2 })
    return { code, stdout, stderr: stderr.replaceAll('\\', '') } // the log quotes what is quoted
  }

  testIf(has1('memory') ? undefined : 'no v1 memory controller', 'memory: swappiness, and no OOM killer', async () => {
    const lines = await inside({ memory: { limit: 64 << 20, swappiness: 17, disableOOMKiller: true } },
      'memory/memory.swappiness', 'memory/memory.oom_control')
    expect(lines).toEqual(expect.arrayContaining(['17', 'oom_kill_disable 1']))
  })

  testIf(has1('memory') ? undefined : 'no v1 memory controller', 'memory and swap together', async () => {
    const memory = { limit: 64 << 20, swap: 96 << 20, checkBeforeUpdate: true }
    expect(await inside({ memory }, 'memory/memory.limit_in_bytes', 'memory/memory.memsw.limit_in_bytes'))
      .toEqual([String(64 << 20), String(96 << 20)])
  })

  test('kernel memory is ignored with a warning, and zero without one', async () => {
    const warned = async (memory: Resources['memory']) => {
      const { id, bundle } = sandbox.bundle(['true'], limit({ memory }))
      return (await sandbox.nrunc(['run', '--bundle', bundle, id])).stderr
    }
    expect(await warned({ kernel: 1 << 20 })).toMatch(/level=warning msg="Kernel memory settings are ignored and will be removed"/)
    expect(await warned({ kernel: 0, kernelTCP: 0 })).toBe('')
  })

  testIf(has1('cpu') ? undefined : 'no v1 cpu controller', 'cpu: burst', async () => {
    expect(await inside({ cpu: { quota: 50_000, period: 100_000, burst: 20_000 } }, 'cpu/cpu.cfs_burst_us'))
      .toEqual(['20000'])
  })

  const idle = has1('cpu') && existsSync(join(hierarchyOf('cpu')!.path, 'cpu.idle'))
  testIf(idle ? undefined : 'no cpu.idle on v1', 'cpu: idle', async () => {
    expect(await inside({ cpu: { idle: 1 } }, 'cpu/cpu.idle')).toEqual(['1'])
  })

  const realtime = has1('cpu') && existsSync(join(hierarchyOf('cpu')!.path, 'cpu.rt_runtime_us'))
  testIf(realtime ? undefined : 'no realtime groups', 'cpu: realtime period; runtime only where the parent has some', async () => {
    expect(await inside({ cpu: { realtimePeriod: 500_000 } }, 'cpu/cpu.rt_period_us')).toEqual(['500000'])
    const parent = readFileSync(join(hierarchyOf('cpu')!.path, 'cpu.rt_runtime_us'), 'utf8').trim()
    expect(parent).not.toBe('0')
    const error = await rejection(sandbox.create(['true'], limit({ cpu: { realtimeRuntime: 1000 } })))
    expect([error.field, error.errno]).toEqual(['/linux/resources/cpu/realtimeRuntime', 'EINVAL'])
  })

  const disk = readdirSync('/sys/block').find((name) => !/^(ram|loop|zram)/.test(name))
  const [major = 0, minor = 0] = disk === undefined ? []
    : readFileSync(`/sys/block/${disk}/dev`, 'latin1').split(':').map(Number)
  testIf(!has1('blkio') ? 'no v1 blkio controller' : disk === undefined ? 'no disk' : undefined, 'blockIO: the four rates of a device', async () => {
    const rate = (value: number) => [{ major, minor, rate: value }]
    const lines = await inside({
      blockIO: {
        throttleReadBpsDevice: rate(1 << 20), throttleWriteBpsDevice: rate(2 << 20),
        throttleReadIOPSDevice: rate(300), throttleWriteIOPSDevice: rate(400),
      },
    }, ...['read_bps', 'write_bps', 'read_iops', 'write_iops'].map((name) => `blkio/blkio.throttle.${name}_device`))
    expect(lines).toEqual([1 << 20, 2 << 20, 300, 400].map((value) => `${major}:${minor} ${value}`))
  })

  testIf(has1('cpuset') ? undefined : 'no v1 cpuset controller', 'cpu: memory nodes', async () => {
    const [node = '0'] = readFileSync(join(hierarchyOf('cpuset')!.path, 'cpuset.mems'), 'utf8').trim().split(/[-,]/)
    expect(await inside({ cpu: { mems: node } }, 'cpuset/cpuset.mems')).toEqual([node])
    // Where there is one node all cgroups have the same: that it was written shows at one that is not there.
    const error = await rejection(sandbox.create(['true'], limit({ cpu: { mems: '1000' } })))
    expect([error.field, error.operand?.endsWith('/cpuset.mems')]).toEqual(['/linux/resources/cpu/mems', true])
  })

  const bfq = async (): Promise<boolean> => {
    const { id } = await sandbox.create(['true'])
    return existsSync(join(cgroupDirectory(id, 'blkio'), 'blkio.bfq.weight'))
  }
  testIf(has1('blkio') ? undefined : 'no v1 blkio controller', 'blockIO: weight, of the group and of one device', async () => {
    if (!await bfq()) {
      const error = await rejection(sandbox.create(['true'], limit({ blockIO: { weight: 500 } })))
      return expect(error).toMatchObject({ field: '/linux/resources/blockIO/weight', errno: 'ENOENT' })
    }
    expect(await inside({ blockIO: { weight: 500 } }, 'blkio/blkio.bfq.weight')).toEqual(['500'])
    const weightDevice = [{ major, minor, weight: 300 }]
    const scheduler = disk === undefined ? '' : readFileSync(`/sys/block/${disk}/queue/scheduler`, 'latin1')
    if (scheduler.includes('[bfq]')) {
      return expect(await inside({ blockIO: { weightDevice } }, 'blkio/blkio.bfq.weight_device')).toContain(`${major}:${minor} 300`)
    }
    const error = await rejection(sandbox.create(['true'], limit({ blockIO: { weightDevice } })))
    expect(error.field).toBe('/linux/resources/blockIO/weightDevice/0/weight')
    expect(error.operand).toMatch(/blkio.bfq.weight_device$/)
  })

  const cfq = has1('blkio') && existsSync(join(hierarchyOf('blkio')!.path, 'blkio.leaf_weight'))
  testIf(!has1('blkio') ? 'no v1 blkio controller' : cfq ? 'a kernel with CFQ' : undefined, 'blockIO: leaf weights, which no kernel since 5.0 has, name their field', async () => {
    for (const [blockIO, field] of [
      [{ leafWeight: 500 }, 'leafWeight'], [{ weightDevice: [{ major: 8, minor: 0, leafWeight: 500 }] }, 'weightDevice/0/leafWeight'],
    ] as const) {
      const error = await rejection(sandbox.create(['true'], limit({ blockIO } as Resources)))
      expect(error).toMatchObject({ code: 'ERR_CGROUP', field: `/linux/resources/blockIO/${field}`, errno: 'ENOENT' })
    }
  })

  testIf(has1('memory') ? undefined : 'no v1 memory controller', 'memory: useHierarchy is what every kernel since 5.11 does, asked or not', async () => {
    for (const useHierarchy of [true, false]) {
      expect(await inside({ memory: { useHierarchy } }, 'memory/memory.use_hierarchy')).toEqual(['1'])
    }
  })

  // A hierarchy stays for a while when it is unmounted too soon after its last cgroup; mounting it again ends that.
  const net = join(sandbox.directory, 'net')
  const mountNet = `mkdir ${net} && mount -t cgroup -o net_cls,net_prio net ${net}`
  const unmountNet = `rmdir ${net}${groupRoot} 2>/dev/null; umount ${net}; for i in 1 2 3 4 5 6 7 8 9; do `
    + `grep -q net_cls /proc/self/cgroup || break; sleep 0.1; mount -t cgroup -o net_cls,net_prio net ${net}; umount ${net}; done; rmdir ${net}`
  const inPrivate = ['-m', '--propagation', 'private', 'sh', '-c']
  const probe = spawnSync('unshare', [...inPrivate, `${mountNet} && ${unmountNet}`], { encoding: 'utf8' })
  testIf(isUnified ? 'v1 only' : probe.status === 0 ? undefined : `no net_cls,net_prio: ${probe.stderr}`, 'network: class and priorities', async () => {
    const files = ['net_cls.classid', 'net_prio.ifpriomap'].map((file) => `/sys/fs/cgroup/net/${file}`)
    const { id, bundle } = sandbox.bundle(['cat', ...files],
      limit({ network: { classID: 0x100001, priorities: [{ name: 'lo', priority: 7 }] } }))
    const through = ['unshare', ...inPrivate, `${mountNet} && "$@"; code=$?; ${unmountNet}; exit $code`, 'sh']
    const { stdout, stderr } = await sandbox.nrunc(['run', '--bundle', bundle, id], { through })
    expect(stderr).toBe('')
    expect(stdout.trim().split('\n')).toEqual(expect.arrayContaining([String(0x100001), 'lo 7']))
  })

  test('network without its controllers names its field', async () => {
    const error = await rejection(sandbox.create(['true'], limit({ network: { classID: 1 } })))
    expect([error.code, error.field]).toEqual(['ERR_CGROUP', '/linux/resources/network/classID'])
  })

  testIf(hierarchyOf('rdma') === undefined ? undefined : 'there is rdma', 'rdma without its controller names its field', async () => {
    const error = await rejection(sandbox.create(['true'], limit({ rdma: { mlx5_1: { hcaHandles: 3 } } })))
    expect([error.code, error.field, error.message]).toEqual(['ERR_CGROUP', '/linux/resources/rdma/mlx5_1',
      `cannot set rdma limit: container could not join or create cgroup`])
  })

  testIf(isUnified ? 'v2' : undefined, 'unified is refused where there are v1 hierarchies', async () => {
    const error = await rejection(sandbox.create(['true'], limit({ unified: { 'pids.max': '5' } })))
    expect([error.code, error.field]).toEqual(['ERR_CONFIG_INVALID', '/linux/resources/unified'])
    expect(error.message).toBe('invalid configuration: cannot use unified on cgroup v1')
  })

  testIf(lackingCgroup2, 'unified: each value in its file', async () => {
    const unified = { 'cgroup.max.depth': '3', 'cgroup.max.descendants': '7\n9\n' }
    const files = Object.keys(unified).map((file) => `/sys/fs/cgroup/${file}`)
    expect(await inside2({ unified }, ['cat', ...files])).toEqual({ code: 0, stdout: '3\n9\n', stderr: '' })
  })

  testIf(lackingCgroup2, 'unified: a file that is not there', async () => {
    const { code, stderr } = await inside2({ unified: { 'cgroup.nothing': '1' } }, ['true'])
    expect([code, stderr]).toEqual([1, expect.stringMatching(
      /unable to set unified resource ".*\/cgroup.nothing": openat: .* \(field \/linux\/resources\/unified\/cgroup.nothing\)/)])
  })

  testIf(lackingCgroup2, 'unified: a controller that is not there', async () => {
    const { code, stderr } = await inside2({ unified: { 'nothing.max': '1' } }, ['true'])
    expect([code, stderr]).toEqual([1, expect.stringContaining(
      `unified resource "nothing.max" can't be set: controller "nothing" not available`)])
  })

  testIf(lackingCgroup2, 'unified: a path is not the name of a file', async () => {
    const { code, stderr } = await inside2({ unified: { '../cgroup.max.depth': '1' } }, ['true'])
    expect([code, stderr]).toEqual([1, expect.stringContaining(
      'unified resource "../cgroup.max.depth" must be a file name (no slashes)')])
  })

  testIf(lackingCgroup2, 'on v2 the owner of a cgroup namespace with a writable mount may make cgroups of its own', async () => {
    const writable = (spec: TestSpec): void => {
      spec.mounts = spec.mounts.map((one) =>
        one.type === 'cgroup' ? { ...one, options: one.options!.filter((option) => option !== 'ro') } : one)
      spec.process.user = { uid: 1000, gid: 1000 }
      spec.process.capabilities = {}
    }
    const words = ['sh', '-c', 'cd /sys/fs/cgroup && mkdir own && echo 0 > own/cgroup.procs && cat /proc/self/cgroup && stat -c %u . cgroup.procs cgroup.type']
    const { code, stdout, stderr } = await inside2({}, words, writable)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.trim().split('\n').slice(-4)).toEqual(['0::/own', '1000', '1000', '0'])
    const refused = await inside2({}, words, ({ process }) => {
      process.user = { uid: 1000, gid: 1000 }
      process.capabilities = {}
    })
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('Read-only')])
  })

  testIf(bySystemd ? 'a scope is never threaded' : lackingCgroup2, 'below a threaded cgroup a container is threaded, and one with limits of whole processes is refused', async () => {
    const parent = unifiedDirectory(join(groupRoot, `${sandbox.prefix}-threads`))
    mkdirSync(join(parent, 'other'), { recursive: true })
    writeFileSync(join(parent, 'other/cgroup.type'), 'threaded')
    const below = (name: string) => ({ linux }: TestSpec): void => {
      linux.cgroupsPath = join(groupRoot, `${sandbox.prefix}-threads/${name}`)
    }
    const { stdout, stderr } = await inside2({}, ['cat', '/sys/fs/cgroup/cgroup.type'], below('one'))
    expect([stdout, stderr]).toEqual(['threaded\n', ''])
    if (controllers2.includes('hugetlb')) {
      const limited = await inside2({ hugepageLimits: [{ pageSize: '2MB', limit: 0 }] }, ['true'], below('two'))
      expect([limited.code, limited.stderr]).toEqual([1, expect.stringMatching(
        /cannot enter cgroupv2 ".*-threads\/two" with domain controllers/)])
    }
    expect(readdirSync(parent, { withFileTypes: true }).filter((one) => one.isDirectory()).map(({ name }) => name)).toEqual(['other'])
    rmdirSync(join(parent, 'other'))
    rmdirSync(parent)
  })

  testIf(hierarchyOf('hugetlb') === undefined ? 'no hugetlb' : undefined, 'huge pages: reserved ones too', async () => {
    const { id } = await sandbox.create(['true'], limit({ hugepageLimits: [{ pageSize: '2MB', limit: 4 << 20 }] }))
    const version = hierarchyOf('hugetlb')!.version
    const file = version === 2 ? 'hugetlb.2MB.rsvd.max' : 'hugetlb.2MB.rsvd.limit_in_bytes'
    expect(readFileSync(join(cgroupDirectory(id, 'hugetlb'), file), 'utf8')).toBe(`${4 << 20}\n`)
  })

  test('what was refused has left no cgroup', () => {
    expect(testCgroups(sandbox.prefix)).toEqual([])
  })
})
