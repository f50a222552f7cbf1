/**
 * `update`: new limits for a container that runs, seen from inside. Source: runc's update.go, config-linux.md
 * "Control groups".
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import type { Container } from '../../lib/index.ts'
import { cgroupFile, groupRoot, hierarchyOf } from '../helpers/cgroup.ts'
import { lackingCgroup2, throughCgroup2 } from '../helpers/cgroup2.ts'
import { program, runProgram } from '../helpers/cli.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const lacking = ['memory', 'cpu', 'pids', 'cpuset'].filter((name) => hierarchyOf(name)?.version !== 1)
const testV1 = lacking.length === 0 ? test : test.skip
const testPids = hierarchyOf('pids') === undefined ? test.skip : test

describeWith(container, 'update', () => {
  const sandbox = useSandbox()
  const run = (change?: (spec: TestSpec) => void) => sandbox.run(['sleep', '1000'], change)
  /** The files of the container's own v1 cgroup, as a process in it reads them. */
  const inside = async (made: Container, ...files: readonly string[]): Promise<string[]> => {
    const read = await made.exec({ args: ['cat', ...files.map((file) => `/sys/fs/cgroup/${file}`)], stdin: 'ignore' })
    return (await end(read)).stdout.trim().split('\n')
  }
  const stored = (id: string): unknown =>
    (JSON.parse(readFileSync(join(sandbox.root, id, 'state.json'), 'utf8')) as { config: TestSpec }).config.linux.resources
  const update = (id: string, ...words: string[]) => sandbox.nrunc(['update', ...words, id])

  testV1('every flag', async () => {
    const made = await run()
    expect(await update(made.id, '--memory', '64m', '--memory-swap=128MiB', '--memory-reservation', '32m', '--cpu-period', '200000',
      '--cpu-quota', '50000', '--cpu-burst', '1000', '--cpu-share', '512', '--cpu-rt-period', '500000', '--cpuset-cpus', '0',
      '--cpuset-mems', '0', '--pids-limit', '20', '--kernel-memory', '5m')).toEqual({
      code: 0, stdout: '', stderr: expect.stringContaining('Setting --kernel-memory is ignored and will be removed'),
    })
    expect(await inside(made, 'memory/memory.limit_in_bytes', 'memory/memory.memsw.limit_in_bytes',
      'memory/memory.soft_limit_in_bytes', 'cpu/cpu.cfs_period_us', 'cpu/cpu.cfs_quota_us', 'cpu/cpu.cfs_burst_us', 'cpu/cpu.shares',
      'cpu/cpu.rt_period_us', 'cpuset/cpuset.cpus', 'cpuset/cpuset.mems', 'pids/pids.max')).toEqual([
      String(64 << 20), String(128 << 20), String(32 << 20), '200000', '50000', '1000', '512', '500000', '0', '0', '20',
    ])
    expect(stored(made.id)).toMatchObject({
      memory: { limit: 64 << 20, swap: 128 << 20, reservation: 32 << 20 }, pids: { limit: 20 },
      cpu: { period: 200000, quota: 50000, burst: 1000, shares: 512, realtimePeriod: 500000, cpus: '0', mems: '0' },
    })
    expect((await update(made.id, '--cpu-idle', '1')).code).toBe(0)
    expect(await inside(made, 'cpu/cpu.idle')).toEqual(['1'])
    expect((await update(made.id, '--pids-limit', '-1', '--memory', '-1')).code).toBe(0)
    expect(await inside(made, 'pids/pids.max', 'memory/memory.limit_in_bytes', 'memory/memory.memsw.limit_in_bytes'))
      .toEqual(['max', '9223372036854771712', '9223372036854771712'])
  })

  testV1('a memory limit below the usage is refused, and all stays as it was', async () => {
    const made = await run()
    await made.execute({ args: ['dd', 'if=/dev/zero', 'of=/dev/shm/file', 'bs=1M', 'count=16'] })
    const before = await inside(made, 'memory/memory.limit_in_bytes', 'pids/pids.max')
    const error = await rejection(made.update({ memory: { limit: 4 << 20, swap: 4 << 20, checkBeforeUpdate: true }, pids: { limit: 50 } }))
    expect([error.field, await inside(made, 'memory/memory.limit_in_bytes', 'pids/pids.max')]).toEqual(['/memory/limit', before])
    await made.update({ memory: { limit: 64 << 20, swap: 64 << 20, checkBeforeUpdate: true }, pids: { limit: 50 } })
    expect(await inside(made, 'memory/memory.limit_in_bytes', 'pids/pids.max')).toEqual([String(64 << 20), '50'])
  })

  testV1('from a file, and from the standard input, where zero leaves a limit as it is', async () => {
    const made = await run(({ linux }) => { linux.resources = { ...linux.resources, cpu: { shares: 300 } } })
    const file = join(sandbox.directory, 'resources.json')
    writeFileSync(file, JSON.stringify({ memory: { limit: 67108864, swap: 134217728 }, pids: { limit: 50 } }))
    expect(await update(made.id, `--resources=${file}`, '--memory', 'nonsense')).toEqual({ code: 0, stdout: '', stderr: '' })
    const zeros = '{"memory":{"limit":0,"reservation":0,"swap":0,"kernel":0},"cpu":{"shares":0},"pids":{"limit":30},"blockIO":{"weight":0}}'
    expect(await sandbox.nrunc(['update', '--resources', '-', made.id], { input: zeros })).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await inside(made, 'memory/memory.limit_in_bytes', 'memory/memory.memsw.limit_in_bytes', 'cpu/cpu.shares', 'pids/pids.max'))
      .toEqual(['67108864', '134217728', '300', '30'])
  })

  testV1('a quota without its period keeps the period', async () => {
    const made = await run(({ linux }) => { linux.resources = { ...linux.resources, cpu: { quota: 20000, period: 40000 } } })
    await made.update({ cpu: { quota: 10000 } })
    expect(await inside(made, 'cpu/cpu.cfs_quota_us', 'cpu/cpu.cfs_period_us')).toEqual(['10000', '40000'])
    expect(made.spec.linux?.resources?.cpu).toMatchObject({ quota: 10000, period: 40000 })
  })

  testV1('values that fit only together, up and down', async () => {
    const made = await run(({ linux }) => {
      linux.resources = { ...linux.resources, memory: { limit: 64 << 20, swap: 64 << 20 }, cpu: { quota: 50000, period: 100000, burst: 50000 } }
    })
    await made.update({ memory: { limit: 128 << 20, swap: 256 << 20 }, cpu: { quota: 20000, burst: 10000 } })
    expect(await inside(made, 'memory/memory.limit_in_bytes', 'memory/memory.memsw.limit_in_bytes', 'cpu/cpu.cfs_burst_us'))
      .toEqual([String(128 << 20), String(256 << 20), '10000'])
    await made.update({ memory: { limit: 32 << 20, swap: 32 << 20 } })
    expect(await inside(made, 'memory/memory.memsw.limit_in_bytes')).toEqual([String(32 << 20)])
  })

  testV1('when a limit is refused, all are as they were, and so is the state', async () => {
    const made = await run(({ linux }) => { linux.resources = { ...linux.resources, pids: { limit: 40 }, cpu: { shares: 700 } } })
    const before = stored(made.id)
    const error = await rejection(made.update({ cpu: { shares: 900, cpus: '4095' }, pids: { limit: 50 }, memory: { limit: 1 << 30 } }))
    expect([error.code, error.field, error.step]).toEqual(['ERR_CGROUP', '/cpu/cpus', 'writeCgroup'])
    const below = await rejection(made.update({ cpu: { shares: 900 }, memory: { limit: 4096 } }))
    expect([below.field, below.errno, below.message]).toEqual(['/memory/limit', 'EBUSY',
      expect.stringMatching(/^unable to set memory limit to 4096 \(current usage: \d+, peak usage: \d+\)$/)])
    const later = await rejection(made.update({ memory: { limit: 1 << 30 }, cpu: { shares: 900 }, pids: { limit: 50 }, network: { classID: 1 } }))
    expect(later.field).toBe('/network/classID')
    expect(await inside(made, 'cpu/cpu.shares', 'pids/pids.max', 'memory/memory.limit_in_bytes')).toEqual(['700', '40', '9223372036854771712'])
    expect(stored(made.id)).toEqual(before)
  })

  testV1('the pids limit holds for what is started afterwards', async () => {
    const made = await run()
    await made.update({ pids: { limit: 3 } })
    const { code, stderr } = await end(await made.exec({ args: ['sh', '-c', 'sleep 1 & sleep 1 & wait'], stdin: 'ignore' }))
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining('fork')])
  })

  testPids('a created container can be changed, a stopped one cannot', async () => {
    const made = await sandbox.create(['true'])
    await made.update({ pids: { limit: 9 } })
    expect(cgroupFile(made.id, 'pids', { v1: 'pids.max', v2: 'pids.max' })).toBe('9')
    await made.start()
    await made.wait()
    expect((await rejection(made.update({ pids: { limit: 9 } }))).message).toBe('container not running')
  })

  test.each<[string, string[], string]>([
    ['a size', ['--memory', 'much'], "invalid value for memory: invalid size: 'much'"],
    ['a number', ['--cpu-share', 'x'], 'invalid value for cpu-share: strconv.ParseUint: parsing "x": invalid syntax'],
    ['a number of tasks', ['--pids-limit', 'x'], 'invalid value "x" for flag -pids-limit: parse error'],
    ['a file', ['--resources', '/nonexistent'], 'cannot read "/nonexistent": ENOENT'],
  ])('%s that is none is refused', async (_, words, message) => {
    const made = await sandbox.create(['true'])
    const { code, stderr } = await update(made.id, ...words)
    expect([code, stderr.replaceAll('\\', '')]).toEqual([1, expect.stringContaining(message)])
  })

  test.skipIf(existsSync('/sys/fs/resctrl/info') || hierarchyOf('pids') === undefined)('schemata are refused where there is no resctrl, and nothing is changed', async () => {
    const made = await run()
    const before = stored(made.id)
    const limit = () => cgroupFile(made.id, 'pids', { v1: 'pids.max', v2: 'pids.max' }) // systemd has a default
    const limited = limit()
    for (const [flag, message] of [['--l3-cache-schema', 'RDT/CAT: l3 cache schema'], ['--mem-bw-schema', 'RDT/MBA: memory bandwidth schema']]) {
      const { code, stderr } = await update(made.id, flag!, 'X:0=1', '--pids-limit', '40')
      expect([code, stderr]).toEqual([1, expect.stringContaining(`Intel ${message} is not enabled`)])
    }
    expect(limit()).toBe(limited)
    expect(stored(made.id)).toEqual(before)
  })

  test('what is no JSON, or of the wrong type, is refused with its place', async () => {
    const made = await sandbox.create(['true'])
    const from = async (input: string) => (await sandbox.nrunc(['update', '-r', '-', made.id], { input })).stderr
    expect(await from('{"memory":')).toContain('cannot parse standard input: 1:')
    expect(await from('{"memory":{"limit":"5"}}')).toContain('invalid resources: /memory/limit: must be an integer')
    expect(await from('[]')).toContain('invalid resources: must be an object, not an array')
  })

  /** A device of the container that no driver has: whoever may open it hears so, others that they may not. */
  const withDevice = ({ linux }: TestSpec): void => {
    linux.devices = [{ path: '/dev/log', type: 'c', major: 1, minor: 99, fileMode: 0o666 }]
    linux.resources = { devices: [{ allow: false, access: 'rwm' }] }
  }
  const rule = { allow: true, type: 'c', major: 1, minor: 99, access: 'r' }
  const tryDevice = ['sh', '-c', 'cat /dev/null /dev/log 2>&1']
  const [denied, allowed] = ['cat: can\'t open \'/dev/log\': Operation not permitted', 'cat: can\'t open \'/dev/log\': No such device or address']

  testV1('device rules: the new ones count from then on, and only they', async () => {
    const made = await run(withDevice)
    const open = async () => (await end(await made.exec({ args: tryDevice, stdin: 'ignore' }))).stdout.trim()
    expect(await open()).toBe(denied)
    await made.update({ devices: [{ allow: false, access: 'rwm' }, rule] })
    expect(await open()).toBe(allowed)
    await made.update({ devices: [] })
    expect(await open()).toBe(denied)
    expect(stored(made.id)).toMatchObject({ devices: [] })
  })

  testPids('device rules in a file are left alone, as in runc', async () => {
    const made = await run(withDevice)
    const input = JSON.stringify({ devices: [rule], pids: { limit: 40 } })
    expect((await sandbox.nrunc(['update', '-r', '-', made.id], { input })).code).toBe(0)
    expect((await end(await made.exec({ args: tryDevice, stdin: 'ignore' }))).stdout.trim()).toBe(denied)
    expect(stored(made.id)).toMatchObject({ devices: [{ allow: false }], pids: { limit: 40 } })
  })

  test.skipIf(lackingCgroup2 !== undefined)('on v2 the device program is replaced, and unified is written', async () => {
    const id = sandbox.id()
    const spec = sandbox.spec(['sleep', '1000'], (one) => {
      withDevice(one)
      one.linux.cgroupsPath = join(groupRoot, id)
      one.linux.namespaces.push({ type: 'cgroup' })
    })
    const script = `
      import { Runtime } from ${JSON.stringify(pathToFileURL(join(program, '../../dist/index.js')).href)}
      import { text } from 'node:stream/consumers'
      const runtime = new Runtime({ root: ${JSON.stringify(sandbox.root)} })
      const spec = ${JSON.stringify(spec)}
      const made = await runtime.run({ id: ${JSON.stringify(id)}, bundle: '/', spec, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
      const inside = async (...args) => text((await made.exec({ args, stdin: 'ignore' })).stdout)
      const found = []
      const open = async () => found.push((await inside(...${JSON.stringify(tryDevice)})).trim())
      await open()
      await made.update({ devices: [{ allow: false, access: 'rwm' }, ${JSON.stringify(rule)}] })
      await open()
      await made.update({ devices: [{ allow: true, access: 'rwm' }] })
      await open()
      await made.update({ devices: [], unified: { 'cgroup.max.depth': '4' } })
      await open()
      found.push((await inside('cat', '/sys/fs/cgroup/cgroup.max.depth')).trim())
      console.log(JSON.stringify(found))
      await made.delete({ force: true })
    `
    const { code, stdout, stderr } = await runProgram([...throughCgroup2, process.execPath, '--input-type=module', '-e', script])
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toEqual([denied, allowed, allowed, denied, '4'])
  })
})
