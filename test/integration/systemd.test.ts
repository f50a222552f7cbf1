/**
 * Containers in transient scopes of systemd: seen from inside, from systemd and from the cgroup's files.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Runtime } from '../../lib/index.ts'
import type { Resources } from '../../lib/index.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { isRunning } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'

const systemctl = (...words: string[]): string => spawnSync('systemctl', words, { encoding: 'utf8', timeout: 60_000 }).stdout.trim()

const ownCgroupNamespace = (linux: TestSpec['linux']): void => {
  linux.namespaces = [...linux.namespaces.filter(({ type }) => type !== 'cgroup'), { type: 'cgroup' }]
}

/** Properties of a unit, by name. */
const show = (unit: string, ...names: string[]): Record<string, string> => Object.fromEntries(
  systemctl('show', unit, ...names.map((name) => `--property=${name}`)).split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)),
)

describeWith([...container, 'cli', 'systemd'], 'the systemd cgroup driver', () => {
  const sandbox = useSandbox()
  const runtime = new Runtime({ root: sandbox.root, cgroupManager: 'systemd' })
  const units: string[] = []
  afterAll(() => {
    expect(units.filter((unit) => show(unit, 'LoadState')['LoadState'] !== 'not-found')).toEqual([])
  })

  /** A running container in `nrunctest-ID.scope` of `slice`. */
  const run = async (args: readonly string[], change: (spec: TestSpec) => void = () => {}, slice = 'system.slice') => {
    const id = sandbox.id()
    const unit = `nrunctest-${id}.scope`
    units.push(unit)
    const spec = sandbox.spec(args, (fresh) => {
      fresh.linux.cgroupsPath = `${slice}:nrunctest:${id}`
      change(fresh)
    })
    const made = sandbox.keep(await runtime.run({ id, bundle: sandbox.directory, spec, stdin: 'ignore' }))
    return { made, unit, file: (name: string) => readFileSync(join('/sys/fs/cgroup', slice, unit, name), 'utf8').trimEnd() }
  }
  const withResources = (resources: Resources) => ({ linux }: TestSpec) => {
    linux.resources = { ...linux.resources, ...resources }
  }
  /** Without a cgroup namespace the path is seen whole. */
  const onHost = ({ linux }: TestSpec) => {
    linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'cgroup')
  }

  test('the program is in the scope from its first instruction on', async () => {
    const { made, unit } = await run(['cat', '/proc/self/cgroup'], onHost)
    expect(await end(made)).toMatchObject({ code: 0, stdout: `0::/system.slice/${unit}\n` })
    await made.delete()
  })

  test('a slice with dashes, and the root of a cgroup namespace', async () => {
    const id = sandbox.id()
    const spec = sandbox.spec(['sh', '-c', 'cat /proc/self/cgroup; sleep 1000'], ({ linux }) => {
      linux.cgroupsPath = `nrunctest-inner.slice:nrunctest:${id}`
      ownCgroupNamespace(linux)
    })
    const made = sandbox.keep(await runtime.run({ id, bundle: sandbox.directory, spec, stdin: 'ignore', stdout: 'ignore' }))
    units.push(`nrunctest-${id}.scope`)
    expect(readFileSync(`/proc/${made.pid}/cgroup`, 'utf8')).toBe(`0::/nrunctest.slice/nrunctest-inner.slice/nrunctest-${id}.scope\n`)
    const process = await made.exec({ args: ['cat', '/proc/self/cgroup'] })
    expect((await end(process)).stdout).toBe('0::/\n')
    await made.delete({ force: true })
  })

  test('limits are in the files, exact, and systemd knows them', async () => {
    const { made, unit, file } = await run(['sleep', '1000'], withResources({
      memory: { limit: 67108864, reservation: 33554432, swap: 67108864 }, pids: { limit: 50 },
      cpu: { shares: 512, quota: 25500, period: 50000, cpus: '0', mems: '0' },
      hugepageLimits: [{ pageSize: '2MB', limit: 4 << 20 }],
    }))
    const names = ['memory.max', 'memory.low', 'memory.swap.max', 'pids.max', 'cpu.max', 'cpuset.cpus', 'hugetlb.2MB.max']
    expect(names.map(file)).toEqual(['67108864', '33554432', '0', '50', '25500 50000', '0', '4194304'])
    expect(show(unit, 'MemoryMax', 'MemoryLow', 'MemorySwapMax', 'TasksMax', 'CPUQuotaPerSecUSec', 'CPUWeight', 'AllowedCPUs',
      'AllowedMemoryNodes', 'Delegate', 'Slice')).toEqual({
      MemoryMax: '67108864', MemoryLow: '33554432', MemorySwapMax: '0', TasksMax: '50', CPUQuotaPerSecUSec: '510ms',
      CPUWeight: file('cpu.weight'), AllowedCPUs: '0', AllowedMemoryNodes: '0', Delegate: 'yes', Slice: 'system.slice',
    })
    // What systemd writes again must be the same.
    systemctl('daemon-reload')
    expect([file('memory.max'), file('pids.max')]).toEqual(['67108864', '50'])
    await made.delete({ force: true })
  })

  test('changed limits are in the files, exact, and systemd knows them', async () => {
    const { made, unit, file } = await run(['sleep', '1000'], withResources({ pids: { limit: 50 } }))
    await made.update({ memory: { limit: 134217728 }, pids: { limit: 60 }, cpu: { quota: 25500, period: 100000 } })
    expect([file('memory.max'), file('pids.max'), file('cpu.max')]).toEqual(['134217728', '60', '25500 100000'])
    expect(show(unit, 'MemoryMax', 'TasksMax', 'CPUQuotaPerSecUSec'))
      .toEqual({ MemoryMax: '134217728', TasksMax: '60', CPUQuotaPerSecUSec: '260ms' })
    await made.delete({ force: true })
  })

  test('device rules are enforced', async () => {
    const { made } = await run(['sh', '-c', 'mknod /dev/disk b 254 0; cat /dev/disk > /dev/null; echo x > /dev/null && echo ok'],
      ({ process }) => {
        for (const set of ['bounding', 'effective', 'permitted'] as const) process.capabilities![set] = ['CAP_MKNOD']
      })
    const { stdout, stderr } = await end(made)
    expect([stdout, stderr]).toEqual(['ok\n', expect.stringMatching(/not permitted/)])
    await made.delete()
  })

  test('annotations set properties', async () => {
    const { made, unit } = await run(['sleep', '1000'], (spec) => {
      spec.annotations = { 'org.systemd.property.TimeoutStopSec': '7', 'org.systemd.property.Documentation': "['man:one(1)']" }
    })
    expect(show(unit, 'TimeoutStopUSec', 'Documentation')).toEqual({ TimeoutStopUSec: '7s', Documentation: '"man:one(1)"' })
    await made.delete({ force: true })
    const error = await rejection(run(['true'], (spec) => { spec.annotations = { 'org.systemd.property.NoSuchThing': '7' } }))
    expect([error.code, error.step, error.message]).toEqual(['ERR_CGROUP', 'startUnit', expect.stringContaining('NoSuchThing')])
    const wrong = await rejection(run(['true'], (spec) => { spec.annotations = { 'org.systemd.property.CollectMode': 'x' } }))
    expect([wrong.code, wrong.field]).toEqual(['ERR_CONFIG_INVALID', '/annotations/org.systemd.property.CollectMode'])
  })

  test('a scope that exists is refused, and goes on', async () => {
    const { made, unit } = await run(['sleep', '1000'])
    const spec = sandbox.spec(['true'], ({ linux }) => { linux.cgroupsPath = `system.slice:nrunctest:${made.id}` })
    const other = sandbox.id()
    const error = await rejection(runtime.run({ id: other, bundle: sandbox.directory, spec, stdin: 'ignore' }))
    expect([error.code, error.field]).toEqual(['ERR_CGROUP', '/linux/cgroupsPath'])
    expect([isRunning(made.pid), show(unit, 'ActiveState')['ActiveState']]).toEqual([true, 'active'])
    // Nor does a start end it that fails before it has asked for its scope.
    spec.linux!.namespaces = spec.linux!.namespaces!.map((one) => (one.type === 'network' ? { ...one, path: '/nowhere' } : one))
    expect(await rejection(runtime.run({ id: other, bundle: sandbox.directory, spec, stdin: 'ignore' }))).toMatchObject({ errno: 'ENOENT' })
    expect([isRunning(made.pid), show(unit, 'ActiveState')['ActiveState']]).toEqual([true, 'active'])
    expect(existsSync(join(sandbox.root, other))).toBe(false)
    await made.delete({ force: true })
    expect(isRunning(made.pid)).toBe(false)
  })

  test('a limit that the kernel refuses: nothing is left', async () => {
    const error = await rejection(run(['true'], withResources({ cpu: { cpus: '4000' } })))
    expect(error.code).toBe('ERR_CGROUP')
    expect(show(units.at(-1)!, 'LoadState')).toEqual({ LoadState: 'not-found' })
    expect(existsSync(join('/sys/fs/cgroup/system.slice', units.at(-1)!))).toBe(false)
  })

  test('a program that fails: nothing is left', async () => {
    expect((await rejection(run(['/nonexistent']))).code).toBe('ERR_PROGRAM')
    expect(show(units.at(-1)!, 'LoadState')).toEqual({ LoadState: 'not-found' })
  })

  test('the command line: create, start, exec, ps, delete; the default names', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'], ({ linux }) => {
      linux.cgroupsPath = ''
      ownCgroupNamespace(linux)
    })
    const unit = `nrunc-${id}.scope`
    units.push(unit)
    const quiet = { code: 0, stdout: '', stderr: '' }
    expect(await sandbox.nrunc(['--systemd-cgroup', 'create', '-b', bundle, id])).toEqual(quiet)
    expect(show(unit, 'ControlGroup')['ControlGroup']).toBe(`/system.slice/${unit}`)
    // The other commands know it from the state.
    expect(await sandbox.nrunc(['start', id])).toEqual(quiet)
    expect((await sandbox.nrunc(['exec', id, 'cat', '/proc/self/cgroup'])).stdout).toBe('0::/\n')
    expect(JSON.parse((await sandbox.nrunc(['ps', '--format', 'json', id])).stdout)).toHaveLength(1)
    expect(await sandbox.nrunc(['delete', '--force', id])).toEqual(quiet)
    expect(show(unit, 'LoadState')['LoadState']).toBe('not-found')
  })

  test('a cgroupsPath of the other form is refused', async () => {
    const { id, bundle } = sandbox.bundle(['true'], ({ linux }) => { linux.cgroupsPath = '/a/b' })
    const { code, stderr } = await sandbox.nrunc(['--cgroup-manager=systemd', 'run', '-b', bundle, id])
    expect([code, stderr]).toEqual([1, expect.stringContaining('expected cgroupsPath to be of format \\"slice:prefix:name\\"')])
  })
})

describeWith([...container, 'cli'], 'without systemd\'s help', () => {
  const sandbox = useSandbox()

  test('no cgroup at all: the container is in the caller\'s, which it cannot write to', async () => {
    const runtime = new Runtime({ root: sandbox.root, cgroupManager: 'disabled' })
    const spec = sandbox.spec(['sh', '-c', 'cat /proc/self/cgroup; find /sys/fs/cgroup -type d -maxdepth 1 | while read i; do mkdir $i/x && echo $i; done'], ({ linux }) => {
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'cgroup')
    })
    const made = sandbox.keep(await runtime.run({ id: sandbox.id(), bundle: sandbox.directory, spec, stdin: 'ignore' }))
    const { stdout } = await end(made)
    expect(stdout).toBe(readFileSync('/proc/self/cgroup', 'utf8'))
    await made.delete()
    const id = sandbox.id()
    const limited = sandbox.spec(['true'], ({ linux }) => { linux.resources = { pids: { limit: 5 } } })
    const error = await rejection(runtime.run({ id, bundle: sandbox.directory, spec: limited, stdin: 'ignore' }))
    expect([error.code, error.field]).toEqual(['ERR_CGROUP', '/linux/resources/pids/limit'])
  })

  test('with a cgroup namespace too', async () => {
    const { id, bundle } = sandbox.bundle(['sh', '-c', 'find /sys/fs/cgroup -type d -maxdepth 1 | while read i; do mkdir $i/x && echo $i; done; true'])
    const { code, stdout } = await sandbox.nrunc(['--cgroup-manager', 'disabled', 'run', '-b', bundle, id])
    expect([code, stdout]).toEqual([0, ''])
  })

  test('--rootless: cgroups as those of an ordinary user', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'], ({ linux }) => { linux.cgroupsPath = '' })
    const create = (rootless: string) => sandbox.nrunc(['--rootless', rootless, 'create', '-b', bundle, id])
    const seen = async () => {
      const container = await sandbox.runtime.load(id)
      const path = readFileSync(`/proc/${container.pid}/cgroup`, 'utf8').split('\n').find((line) => line.includes(id))
      await container.delete({ force: true })
      return path?.split(':')[2]
    }
    expect(await create('true')).toMatchObject({ code: 0, stderr: '' })
    expect(await seen()).toMatch(new RegExp(`/nrunc-${id}$`))
    for (const setting of ['false', 'auto']) {
      expect(await create(setting)).toMatchObject({ code: 0, stderr: '' })
      expect(await seen()).toBe(`/nrunc/${id}`)
    }
  })

  test('options that exclude each other, and values that are none', async () => {
    const wrong = await Promise.all([
      ['--systemd-cgroup', '--cgroup-manager', 'cgroupfs', 'list'], ['--cgroup-manager', 'other', 'list'], ['--rootless', 'maybe', 'list'],
    ].map((words) => sandbox.nrunc(words)))
    expect(wrong.map(({ code, stderr }) => [code, /msg="(.*)"\n$/.exec(stderr)?.[1]])).toEqual([
      [1, 'cannot use --systemd-cgroup together with --cgroup-manager cgroupfs'],
      [1, 'invalid value \\"other\\" for cgroupManager'],
      [1, 'invalid value \\"maybe\\" for flag --rootless: parse error'],
    ])
    expect((await sandbox.nrunc(['--rootless=AUTO', '--cgroup-manager=cgroupfs', 'list'])).code).toBe(0)
  })
})
