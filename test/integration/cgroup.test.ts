/**
 * The cgroups of a container: entered before the program runs, with the limits of `linux.resources`, gone with it.
 * Works on cgroup v1, v2 and a mixture. Source: runtime-spec config-linux.md "Control groups".
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NruncError, type Spec } from '../../lib/index.ts'
import {
  bySystemd,
  cgroupDirectory,
  cgroupFile,
  cgroupMounts,
  groupRoot,
  hierarchyOf,
  processesIn,
  testCgroups,
} from '../helpers/cgroup.ts'
import { end, rejection, useSandbox } from '../helpers/containers.ts'
import { isRunning } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'

type Resources = NonNullable<NonNullable<Spec['linux']>['resources']>

const oneCpu = readFileSync('/proc/self/status', 'latin1').match(/^Cpus_allowed_list:\t(\d+)/m)?.[1] ?? '0'

describeWith(container, 'the cgroups of a container', () => {
  const sandbox = useSandbox()
  const create = (resources: Resources) =>
    sandbox.create(['true'], ({ linux }) => { linux.resources = { ...linux.resources, ...resources } })
  /** Skips where no hierarchy has the controller, or what else the test needs is not there. */
  const testWith = (controller: string, name: string, body: () => Promise<void>, lacking?: string): void => {
    const reason = hierarchyOf(controller) === undefined ? `no ${controller} controller` : lacking
    if (reason === undefined) test(name, body)
    else test.skip(`${name} (skipped: ${reason})`, body)
  }

  test('the program is in them from its first moment on', async () => {
    const made = await sandbox.create(['cat', '/proc/self/cgroup'])
    await made.start()
    const lines = (await end(made)).stdout.trim().split('\n').map((line) => line.split(':'))
    const own = `${groupRoot}/${made.id}`
    const inside = lines.filter(([, , path]) => path === own).map(([, names]) => names)
    const mounted = cgroupMounts().map(({ controllers }) => controllers)
    const version1 = lines.filter(([number, names]) =>
      number !== '0' && mounted.some((controllers) => names?.split(',').every((name) => controllers.includes(name)))).map(([, names]) => names)
    expect(inside.filter((names) => names !== '').sort()).toEqual(version1.sort())
    if (cgroupMounts().every(({ version }) => version === 2)) expect(inside).toEqual([''])
  })

  test('so is a created container, before it is started', async () => {
    const made = await create({})
    const directories = testCgroups(made.id)
    expect(directories.length).toBeGreaterThan(0)
    for (const directory of directories) expect(processesIn(directory), directory).toEqual([made.pid])
  })

  test('without a path in the spec it is /nrunc/ID', async () => {
    const id = sandbox.id()
    const made = await sandbox.create(['true'], ({ linux }) => { linux.cgroupsPath = '' }, { id })
    expect(testCgroups(id)).toEqual(expect.arrayContaining([expect.stringMatching(new RegExp(`/nrunc/${id}$`))]))
    await made.delete()
    expect(testCgroups(id)).toEqual([])
  })

  test('a path several levels deep', async () => {
    const id = sandbox.id()
    const made = await sandbox.create(['true'], ({ linux }) => { linux.cgroupsPath = `${groupRoot}/${id}/a/b` }, { id })
    for (const directory of testCgroups(id)) expect(processesIn(join(directory, 'a/b')), directory).toEqual([made.pid])
    await made.delete()
  })

  testWith('memory', 'memory limit, reservation and swap', async () => {
    const { id } = await create({ memory: { limit: 64 << 20, reservation: 32 << 20 } })
    expect(cgroupFile(id, 'memory', { v1: 'memory.limit_in_bytes', v2: 'memory.max' })).toBe(String(64 << 20))
    expect(cgroupFile(id, 'memory', { v1: 'memory.soft_limit_in_bytes', v2: 'memory.low' })).toBe(String(32 << 20))
  })

  testWith('cpu', 'cpu shares, quota and period', async () => {
    const { id } = await create({ cpu: { shares: 2048, quota: 50_000, period: 200_000 } })
    if (hierarchyOf('cpu')?.version === 2) {
      // runc's formula: 10^((log2(shares)^2 + 125 log2(shares)) / 612 - 7/34)
      expect(cgroupFile(id, 'cpu', { v1: '', v2: 'cpu.weight' })).toBe('174')
      expect(cgroupFile(id, 'cpu', { v1: '', v2: 'cpu.max' })).toBe('50000 200000')
    } else {
      const read = (v1: string) => cgroupFile(id, 'cpu', { v1, v2: '' })
      expect(['cpu.shares', 'cpu.cfs_quota_us', 'cpu.cfs_period_us'].map(read)).toEqual(['2048', '50000', '200000'])
    }
  })

  testWith('cpuset', 'cpus', async () => {
    const { id, pid } = await create({ cpu: { cpus: oneCpu } })
    expect(cgroupFile(id, 'cpuset', { v1: 'cpuset.cpus', v2: 'cpuset.cpus' })).toBe(oneCpu)
    expect(/^Cpus_allowed_list:\t(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]).toBe(oneCpu)
  })

  testWith('pids', 'pids limit, and it holds', async () => {
    const made = await sandbox.create(
      ['sh', '-c', 'i=0; while [ $i -lt 20 ]; do sleep 1000 & i=$((i+1)); done; echo all'],
      ({ linux }) => {
        linux.resources = { ...linux.resources, pids: { limit: 5 } }
      },
    )
    expect(cgroupFile(made.id, 'pids', { v1: 'pids.max', v2: 'pids.max' })).toBe('5')
    await made.start()
    const { stdout, stderr } = await end(made)
    expect([stdout, stderr]).toEqual(['', expect.stringMatching(/fork/)])
  })

  const blockController = hierarchyOf('blkio') ? 'blkio' : 'io'
  const disk = firstDisk()
  testWith(blockController, 'blockIO throttling', async () => {
    const [major, minor] = disk ?? [0, 0]
    const { id } = await create({ blockIO: { throttleReadBpsDevice: [{ major, minor, rate: 1 << 20 }] } })
    const text = cgroupFile(id, blockController, { v1: 'blkio.throttle.read_bps_device', v2: 'io.max' })
    expect(text).toMatch(hierarchyOf(blockController)?.version === 2
      ? new RegExp(`^${major}:${minor} rbps=${1 << 20} `) : `${major}:${minor} ${1 << 20}`)
  }, disk === undefined ? 'no disk' : undefined)

  testWith(blockController, 'blockIO weight, or an error that names it where the kernel has none', async () => {
    const names =
      hierarchyOf(blockController)?.version === 2
        ? ['io.bfq.weight', 'io.weight']
        : ['blkio.weight', 'blkio.bfq.weight']
    const empty = await create({})
    const name = names.find((file) => existsSync(join(cgroupDirectory(empty.id, blockController), file)))
    const made = await create({ blockIO: { weight: 300 } }).catch((error: unknown) => error as NruncError)
    if (made instanceof NruncError) {
      expect([name, made.code, made.field]).toEqual([undefined, 'ERR_CGROUP', '/linux/resources/blockIO/weight'])
    } else {
      const value =
        name === 'io.weight'
          ? `default ${1 + Math.trunc((290 * 9999) / 990)}`
          : name === undefined
            ? undefined
            : expect.stringMatching(/\b300$/)
      expect(name && cgroupFile(made.id, blockController, { v1: name, v2: name })).toEqual(value)
    }
  })

  const pageSize = smallestHugePage()
  testWith('hugetlb', 'huge pages', async () => {
    const [name = '', bytes = 0] = pageSize ?? []
    const made = await create({ hugepageLimits: [{ pageSize: name, limit: 3 * bytes }] })
    expect(cgroupFile(made.id, 'hugetlb', { v1: `hugetlb.${name}.limit_in_bytes`, v2: `hugetlb.${name}.max` })).toBe(
      String(3 * bytes),
    )
    expect(processesIn(cgroupDirectory(made.id, 'hugetlb'))).toEqual([made.pid])
  }, pageSize === undefined ? 'no huge pages' : undefined)

  testWith('cpuset', 'a limit that the kernel refuses names its field, and nothing is left', async () => {
    const id = sandbox.id()
    const error = await rejection(sandbox.create(['true'], ({ linux }) => {
      linux.resources = { ...linux.resources, cpu: { cpus: '4095' } }
    }, { id }))
    expect([error.code, error.field, error.step]).toEqual(['ERR_CGROUP', '/linux/resources/cpu/cpus', 'writeCgroup'])
    expect(error.operand).toMatch(/cpuset\.cpus$/)
    expect(testCgroups(id)).toEqual([])
  })

  test('a limit without its controller names its field', async () => {
    const error = await rejection(create({ hugepageLimits: [{ pageSize: '3MB', limit: 0 }] }))
    expect([error.code, error.field]).toEqual(['ERR_CGROUP', '/linux/resources/hugepageLimits/0/limit'])
  })

  test('zero means that nothing was asked for', async () => {
    const made = await create({
      memory: { limit: 0, reservation: 0, swap: 0 },
      cpu: { shares: 0, quota: 0, period: 0 },
      blockIO: { weight: 0 },
    })
    expect((await made.state()).status).toBe('created')
  })

  test('one that holds another\'s processes is refused', async () => {
    const made = await create({})
    const error = await rejection(
      sandbox.create(['true'], ({ linux }) => {
        linux.cgroupsPath = `${groupRoot}/${made.id}`
      }),
    )
    expect([error.code, error.field]).toEqual(['ERR_CGROUP', '/linux/cgroupsPath'])
    expect(error.message).toContain('container\'s cgroup is not empty')
    expect(isRunning(made.pid)).toBe(true)
    expect(testCgroups(made.id).map(processesIn)).toEqual(testCgroups(made.id).map(() => [made.pid]))
  })

  test.skipIf(bySystemd)('an empty one that is frozen is refused', async () => {
    const id = sandbox.id()
    const hierarchy = hierarchyOf('freezer')
    const directory = join(hierarchy?.path ?? '/sys/fs/cgroup', groupRoot, id)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, hierarchy === undefined ? 'cgroup.freeze' : 'freezer.state'), hierarchy === undefined ? '1' : 'FROZEN')
    const error = await rejection(sandbox.create(['true'], undefined, { id, timeout: 30_000 }))
    expect([error.code, error.field]).toEqual(['ERR_CGROUP', '/linux/cgroupsPath'])
    expect(error.message).toContain("container's cgroup unexpectedly frozen")
  })

  test('one with another\'s processes in a cgroup below it is refused too', async () => {
    const made = await create({})
    const error = await rejection(sandbox.create(['true'], ({ linux }) => { linux.cgroupsPath = groupRoot }))
    expect([error.code, error.field]).toEqual(['ERR_CGROUP', '/linux/cgroupsPath'])
    expect(error.message).toContain('container\'s cgroup is not empty')
    expect(isRunning(made.pid)).toBe(true)
  })

  test('a frozen container is paused: nothing is added to it, and it is deleted by force', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const version1 = hierarchyOf('freezer') !== undefined
    const [file = ''] = testCgroups(made.id)
      .map((path) => join(path, version1 ? 'freezer.state' : 'cgroup.freeze'))
      .filter((path) => existsSync(path))
    writeFileSync(file, version1 ? 'FROZEN' : '1')
    await expect.poll(async () => (await made.state()).status).toBe('paused')
    const errors = [
      await rejection(made.exec({ args: ['true'] })),
      await rejection(made.delete()),
      await rejection(made.start()),
    ]
    expect(errors.map(({ code }) => code)).toEqual(['ERR_STATUS', 'ERR_STATUS', 'ERR_STATUS'])
    expect(errors[0]?.message).toContain('cannot exec in a paused container')
    await made.delete({ force: true })
    expect([isRunning(made.pid), testCgroups(made.id)]).toEqual([false, []])
  })

  test('cgroups that a container made below its own go with it', async () => {
    const made = await create({})
    for (const directory of testCgroups(made.id)) mkdirSync(join(directory, 'one/two'), { recursive: true })
    await made.delete()
    expect(testCgroups(made.id)).toEqual([])
  })

  test('processes that outlive the program are ended at delete', async () => {
    const made = await sandbox.run(['sh', '-c', 'sleep 1000 & echo $!'], ({ linux }) => {
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid')
    }, { stdout: 'ignore' })
    await made.wait()
    const [straggler] = await made.processes()
    expect(isRunning(straggler!)).toBe(true)
    await made.delete()
    expect(isRunning(straggler!)).toBe(false)
    expect(testCgroups(made.id)).toEqual([])
  })
})

/** The name that the hugetlb controller has for it, and its size in bytes. */
function smallestHugePage(): readonly [string, number] | undefined {
  const directory = '/sys/kernel/mm/hugepages'
  if (!existsSync(directory)) return undefined
  const sizes = readdirSync(directory).map((name) => Number(/\d+/.exec(name)?.[0])).sort((one, other) => one - other)
  const [size] = sizes
  if (size === undefined) return undefined
  const name = size >= 1 << 20 ? `${size >> 20}GB` : size >= 1024 ? `${size >> 10}MB` : `${size}KB`
  return [name, size * 1024]
}

function firstDisk(): readonly [number, number] | undefined {
  for (const name of readdirSync('/sys/block')) {
    const [major, minor] = readFileSync(`/sys/block/${name}/dev`, 'latin1').trim().split(':').map(Number)
    if (major !== undefined && minor !== undefined && !/^(ram|loop|zram)/.test(name)) return [major, minor]
  }
  return undefined
}
