/**
 * Limits, updates and events on a host whose controllers are those of cgroup v2, from inside; elsewhere skipped. What v2
 * does without controllers is tested everywhere (pause, resources, events). Source: admin-guide/cgroup-v2.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import { oomKillCount } from '../../lib/cgroup/oom.ts'
import type { Container } from '../../lib/index.ts'
import { cgroupDirectory } from '../helpers/cgroup.ts'
import { controllers2, hasPressure, isUnified } from '../helpers/cgroup2.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { until } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'

type Resources = NonNullable<TestSpec['linux']['resources']>

const lacking = ['memory', 'cpu', 'pids', 'cpuset', 'io'].filter((name) => !isUnified || !controllers2.includes(name))
const disk = readdirSync('/sys/block').find((name) => !/^(ram|loop|zram)/.test(name))
const [major = 0, minor = 0] = disk === undefined ? [] : readFileSync(`/sys/block/${disk}/dev`, 'latin1').split(':').map(Number)

const describeV2 = (name: string, body: () => void): void => {
  if (lacking.length === 0) describeWith(container, name, body)
  else describe.skip(`${name} (skipped: no ${lacking} on v2)`, body)
}

describeV2('on cgroup v2', () => {
  const sandbox = useSandbox()
  const run = (change?: (spec: TestSpec) => void) => sandbox.run(['sleep', '1000'], change)
  const words = (files: readonly string[]): string[] => ['cat', ...files.map((file) => `/sys/fs/cgroup/${file}`)]
  /** What the files of the container's own cgroup hold when it starts, and later. */
  const started = async (resources: Resources, ...files: readonly string[]): Promise<string[]> => {
    const { stdout, stderr } = await sandbox.output(words(files), ({ linux }) => { linux.resources = { ...linux.resources, ...resources } })
    expect(stderr).toBe('')
    return stdout.trim().split('\n')
  }
  const inside = async (made: Container, ...files: readonly string[]): Promise<string[]> =>
    (await end(await made.exec({ args: words(files), stdin: 'ignore' }))).stdout.trim().split('\n')
  const stored = (id: string): unknown =>
    (JSON.parse(readFileSync(join(sandbox.root, id, 'state.json'), 'utf8')) as { config: TestSpec }).config.linux.resources

  test('memory, cpu, pids, cpuset, unified', async () => {
    expect(await started({
      memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20, swappiness: 7 }, pids: { limit: 30 },
      cpu: { shares: 2048, quota: 50_000, period: 200_000, burst: 1000, cpus: '0', mems: '0' },
      unified: { 'memory.high': String(48 << 20) },
    }, 'memory.max', 'memory.swap.max', 'memory.low', 'memory.high', 'pids.max', 'cpu.weight', 'cpu.max', 'cpu.max.burst', 'cpuset.cpus', 'cpuset.mems'))
      .toEqual([String(64 << 20), String(32 << 20), String(32 << 20), String(48 << 20), '30', '174', '50000 200000', '1000', '0', '0'])
    expect(await started({ cpu: { idle: 1 } }, 'cpu.idle')).toEqual(['1'])
  })

  test.skipIf(disk === undefined)('blockIO: the four rates of a device', async () => {
    const rate = (value: number) => [{ major, minor, rate: value }]
    expect(await started({ blockIO: {
      throttleReadBpsDevice: rate(1 << 20), throttleWriteBpsDevice: rate(2 << 20), throttleReadIOPSDevice: rate(300), throttleWriteIOPSDevice: rate(400),
    } }, 'io.max')).toEqual([`${major}:${minor} rbps=${1 << 20} wbps=${2 << 20} riops=300 wiops=400`])
  })

  test('update: every flag', async () => {
    const made = await run()
    expect((await sandbox.nrunc(['update', made.id, '--memory', '64m', '--memory-swap=128MiB', '--memory-reservation', '32m', '--cpu-period', '200000',
      '--cpu-quota', '50000', '--cpu-burst', '1000', '--cpu-share', '2048', '--cpuset-cpus', '0', '--cpuset-mems', '0', '--pids-limit', '20'])).code).toBe(0)
    expect(await inside(made, 'memory.max', 'memory.swap.max', 'memory.low', 'cpu.max', 'cpu.max.burst', 'cpu.weight', 'cpuset.cpus',
      'cpuset.mems', 'pids.max')).toEqual([
      String(64 << 20), String(64 << 20), String(32 << 20), '50000 200000', '1000', '174', '0', '0', '20',
    ])
    expect((await sandbox.nrunc(['update', made.id, '--cpu-quota', '40000', '--memory', '32m'])).code).toBe(0)
    expect(await inside(made, 'cpu.max', 'memory.max', 'memory.swap.max')).toEqual(['40000 200000', String(32 << 20), String(96 << 20)])
    expect((await sandbox.nrunc(['update', made.id, '--cpu-idle', '1'])).code).toBe(0)
    expect((await sandbox.nrunc(['update', made.id, '--pids-limit', '-1', '--memory', '-1'])).code).toBe(0)
    expect(await inside(made, 'cpu.idle', 'pids.max', 'memory.max', 'memory.swap.max')).toEqual(['1', 'max', 'max', 'max'])
  })

  test('update: when a limit is refused, all are as they were', async () => {
    const made = await run(({ linux }) => { linux.resources = { ...linux.resources, pids: { limit: 40 }, cpu: { shares: 1024 } } })
    const error = await rejection(made.update({ memory: { limit: 1 << 30 }, cpu: { shares: 2048 }, pids: { limit: 50 }, unified: { 'memory.high': 'nonsense' } }))
    expect([error.code, error.field, error.errno]).toEqual(['ERR_CGROUP', '/unified/memory.high', 'EINVAL'])
    const below = await rejection(made.update({ memory: { limit: 4096, checkBeforeUpdate: true }, pids: { limit: 50 } }))
    expect([below.field, below.message]).toEqual(['/memory/limit', expect.stringMatching(/^rejecting memory limit 4096 <= usage \d+$/)])
    expect(await inside(made, 'cpu.weight', 'pids.max', 'memory.max')).toEqual(['100', '40', 'max'])
    expect(stored(made.id)).toMatchObject({ pids: { limit: 40 }, cpu: { shares: 1024 } })
  })

  test('device rules: while they are replaced, what both forbid stays forbidden, and what both allow allowed', async () => {
    const rules = (...minors: number[]) => [
      { allow: false, access: 'rwm' }, ...minors.map((minor) => ({ allow: true, type: 'c', major: 1, minor, access: 'w' })),
    ]
    const words = ['sh', '-c', 'while :; do { true >> /dev/kmsg; } 2>/dev/null && echo opened; { true < /dev/null; } 2>/dev/null || echo refused; echo .; done']
    const made = await sandbox.run(words, ({ linux }) => {
      linux.devices = [{ path: '/dev/kmsg', type: 'c', major: 1, minor: 11, fileMode: 0o666 }]
      linux.resources = { devices: rules() }
    })
    const lines: string[] = []
    createInterface(made.stdout!).on('line', (line) => lines.push(line))
    for (let count = 0; count < 50; count++) await made.update({ devices: rules(90 + count % 2) })
    const before = lines.length
    await until(() => lines.length > before + 2)
    expect([...new Set(lines)]).toEqual(['.'])
    await made.update({ devices: rules(11) })
    await until(() => lines.includes('opened'))
    expect(lines).not.toContain('refused')
  })

  test('the OOM killer is told, counted, and seen in the statistics', async () => {
    const made = await sandbox.run(['sh', '-c', 'read line; tail /dev/zero; sleep 1000'], ({ linux }) => {
      linux.resources = { ...linux.resources, memory: { limit: 16 << 20, swap: 16 << 20 } }
    }, { stdin: 'pipe', stderr: 'ignore' })
    const { promise, resolve } = deferred()
    await made.watchOom({ oom: resolve })
    made.stdin!.write('go\n')
    await promise
    expect((await made.stats()).memory.oomKills).toBe(1)
    expect(await oomKillCount({ '': cgroupDirectory(made.id, 'memory') })).toBe(1)
  })

  test('a watch of the OOM killer ends when nothing runs any more', async () => {
    const made = await run()
    const { promise, resolve } = deferred()
    await made.watchOom({ oom: () => expect.fail('nothing was killed'), end: resolve })
    await made.kill('SIGKILL')
    await promise
  })

  test.skipIf(!hasPressure)('memory pressure: when tasks wait for memory', async () => {
    // Above `high` the kernel lets a process wait.
    const words = ['sh', '-c', 'read line; while :; do dd if=/dev/zero of=/dev/null bs=32M count=1; done']
    const made = await sandbox.run(words, ({ linux }) => {
      linux.resources = { ...linux.resources, unified: { 'memory.high': String(4 << 20) } }
    }, { stdin: 'pipe', stderr: 'ignore' })
    const { promise, resolve } = deferred()
    const watch = await made.watchMemoryPressure('low', { pressure: resolve })
    made.stdin!.write('go\n')
    await promise
    watch.close()
  })
})

function deferred(): { readonly promise: Promise<void>, readonly resolve: () => void } {
  let resolve!: () => void
  const promise = new Promise<void>((done) => { resolve = done })
  return { promise, resolve }
}
