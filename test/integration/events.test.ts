/**
 * Statistics and events: `stats()`, `watchOom()`, `watchMemoryPressure()` and `nrunc events`. Source: runc's
 * types/events.go, admin-guide/cgroup-v1/memory, admin-guide/cgroup-v2, Documentation/accounting/psi.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { oomKillCount } from '../../lib/cgroup/oom.ts'
import type { Container } from '../../lib/index.ts'
import { NOTIFY, notify } from '../../lib/native/notify.ts'
import { bySystemd, cgroupDirectory, hierarchyOf, lackingPressureLevels } from '../helpers/cgroup.ts'
import { hasPressure, isUnified, lackingCgroup2, throughCgroup2 } from '../helpers/cgroup2.ts'
import { program, userEnvironment } from '../helpers/cli.ts'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const memory = hierarchyOf('memory')
const testMemory = memory === undefined ? test.skip : test

/** The keys of an object and of those in it, as runc's structures order them. */
const shape = (value: unknown): unknown =>
  typeof value !== 'object' || value === null || Array.isArray(value) ? typeof value
    : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === 'raw' ? 'raw' : shape(inner)]))

function deferred(): { readonly promise: Promise<void>, readonly resolve: () => void } {
  let resolve!: () => void
  const promise = new Promise<void>((done) => { resolve = done })
  return { promise, resolve }
}

describeWith(container, 'events', () => {
  const sandbox = useSandbox()
  /** Memory of 16 MiB without swap, and a shell that does what it reads. */
  const small = (words = ['sh', '-c', 'while read -r line; do eval "$line"; echo done; done']) => sandbox.run(words, ({ linux }) => {
    linux.resources = { ...linux.resources, memory: { limit: 16 << 20, swap: 16 << 20 } }
  }, { stdin: 'pipe' })
  const runOut = (made: Container): void => void made.stdin!.write('tail /dev/zero\n')

  test('stats: what a busy container uses', async () => {
    const made = await sandbox.run(['sh', '-c', 'sleep 1000 & while :; do :; done'])
    await expect.poll(async () => Number((await made.stats()).cpu.usage.total)).toBeGreaterThan(10_000_000)
    const { cpu, pids, memory: used, cpuset } = await made.stats()
    expect(pids.current).toBe(2)
    if (memory !== undefined) expect(Number(used.usage.usage)).toBeGreaterThan(0)
    if (memory?.version === 1) {
      expect(cpuset.cpus.length).toBeGreaterThan(0)
      expect(cpu.usage.percpu.map(Number).reduce((sum, one) => sum + one)).toBeGreaterThan(0)
    }
    await made.kill('SIGKILL')
    await made.wait()
    if (!bySystemd) expect((await made.stats()).pids.current).toBe(0) // systemd removes the cgroup with its last process
    await made.delete()
    expect(await rejection(made.stats())).toMatchObject({ code: 'ERR_CGROUP', errno: 'ENOENT' })
  })

  testMemory('the OOM killer is told, counted, and seen in the statistics', async () => {
    const made = await small()
    let told = 0
    const { promise, resolve } = deferred()
    await made.watchOom({ oom: () => {
      told++
      resolve()
    } })
    runOut(made)
    await promise
    await expect.poll(async () => (await made.stats()).memory.oomKills).toBe(1)
    const controller = memory!.version === 1 ? 'memory' : ''
    expect(await oomKillCount({ [controller]: cgroupDirectory(made.id, 'memory') })).toBe(1)
    expect(told).toBeGreaterThan(0)
    made.stdin!.end()
  })

  testMemory('a watch ends with the cgroup, and a closed one says nothing', async () => {
    const made = await small()
    const closed = await made.watchOom({ oom: () => expect.fail('it was closed'), end: () => expect.fail('it was closed') })
    closed.close()
    const [oom, pressure] = [deferred(), deferred()]
    await made.watchOom({ oom: () => undefined, end: oom.resolve })
    await made.watchMemoryPressure('low', { pressure: () => undefined, end: pressure.resolve })
    await made.delete({ force: true })
    await Promise.all([oom.promise, pressure.promise])
    expect((await rejection(made.watchOom({ oom: () => undefined }))).code).toBe('ERR_CGROUP')
  })

  test.skipIf(lackingPressureLevels !== undefined)('memory pressure on v1: when the kernel takes pages back', async () => {
    const directory = join(sandbox.directory, 'big')
    mkdirSync(directory)
    // Past the page cache, so that it is the container whom its pages are counted for.
    const { status } = spawnSync('dd', ['if=/dev/zero', `of=${directory}/file`, 'bs=1M', 'count=48', 'oflag=direct'])
    expect(status).toBe(0)
    const made = await sandbox.run(['sh', '-c', 'read line; while :; do cat /mnt/file > /dev/null; done'], (spec: TestSpec) => {
      spec.linux.resources = { ...spec.linux.resources, memory: { limit: 16 << 20 } }
      spec.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' })
      spec.mounts.push({ destination: '/mnt', type: 'bind', source: directory, options: ['rbind', 'ro'] })
      spec.root = { path: sandbox.rootfs() }
    }, { stdin: 'pipe' })
    const { promise, resolve } = deferred()
    const watch = await made.watchMemoryPressure('low', { pressure: resolve })
    made.stdin!.write('go\n')
    await promise
    watch.close()
  })

  test.skipIf(!hasPressure || !existsSync('/proc/pressure/cpu'))('a PSI trigger tells of stalls', async () => {
    const busy = Array.from({ length: 4 }, () => spawn('taskset', ['-c', '0', 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' }))
    try {
      const { promise, resolve } = deferred()
      const watch = notify(NOTIFY.trigger, ['/proc/pressure/cpu'], 'some 50000 2000000', resolve)
      await promise
      watch.close()
    } finally {
      for (const one of busy) one.kill('SIGKILL')
    }
  })

  test('a PSI trigger of another form is refused', () => {
    expect(() => notify(NOTIFY.trigger, ['/proc/pressure/cpu'], 'never', () => undefined)).toThrow(/EINVAL|ENOENT/)
    expect(() => notify(NOTIFY.modified, ['/nonexistent'], '', () => undefined)).toThrow('ENOENT')
  })

  const printed = (through: readonly string[]) => async (): Promise<void> => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    expect((await sandbox.nrunc(['run', '--detach', '--bundle', bundle, id], { through })).code).toBe(0)
    const { code, stdout, stderr } = await sandbox.nrunc(['events', '--stats', id], { through })
    expect([code, stderr, stdout.endsWith('}\n'), stdout.split('\n').length]).toEqual([0, '', true, 2])
    const event = JSON.parse(stdout) as { data: Record<string, Record<string, unknown>> }
    expect(Object.keys(event)).toEqual(['type', 'id', 'data'])
    expect(event).toMatchObject({ type: 'stats', id, data: { pids: { current: 1 } } })
    expect(Object.keys(event.data)).toEqual([
      'cpu', 'cpuset', 'memory', 'pids', 'blkio', 'hugetlb', 'intel_rdt', 'network_interfaces',
    ])
    const entry = { limit: 'number', failcnt: 'number' }
    expect(shape(event.data)).toMatchObject({
      cpu: { usage: { kernel: 'number', user: 'number' }, throttling: {} },
      cpuset: { cpu_exclusive: 'number', sched_relax_domain_level: 'number' },
      memory: { usage: entry, swap: entry, kernel: entry, kernelTCP: entry },
    })
    if (through.length > 0 && hasPressure) {
      const line = { avg10: 'number', avg60: 'number', avg300: 'number', total: 'number' }
      expect(shape(event.data['cpu']!['psi'])).toEqual({ some: line, full: line })
    }
    await sandbox.nrunc(['delete', '--force', id], { through })
  }
  test("events --stats: one line of runc's form", printed([]))
  test.skipIf(isUnified || lackingCgroup2 !== undefined)('events --stats on a host with v2 alone', printed(throughCgroup2))

  testMemory('events goes on, tells of the OOM killer, and ends with the container', async () => {
    const made = await small()
    const words = [program, '--root', sandbox.root, 'events', '--interval', '100ms', made.id]
    const events = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'], env: userEnvironment() })
    const ended = once(events, 'exit')
    const kinds: string[] = []
    for await (const line of createInterface({ input: events.stdout })) {
      const event = JSON.parse(line) as { type: string, id: string }
      expect(event.id).toBe(made.id)
      if (event.type === 'oom') expect(line).toBe(`{"type":"oom","id":"${made.id}"}`)
      if (kinds.length === 0) runOut(made) // it watches by now
      if (event.type === 'oom' && !kinds.includes('oom')) void made.delete({ force: true })
      kinds.push(event.type)
    }
    expect(await ended).toEqual([0, null])
    expect(kinds[0]).toBe('stats')
    expect(kinds).toContain('oom')
  })

  test.each<[string, string[], string]>([
    ['zero', ['--interval', '0'], 'duration interval must be greater than 0'],
    ['no duration', ['--interval=5'], 'invalid value "5" for flag -interval: parse error'],
  ])('an interval of %s is refused', async (_, words, message) => {
    const made = await sandbox.create(['true'])
    const { code, stderr } = await sandbox.nrunc(['events', ...words, made.id])
    expect([code, stderr.replaceAll('\\', '')]).toEqual([1, expect.stringContaining(message)])
  })

  test('a stopped container has none', async () => {
    const made = await sandbox.run(['true'])
    await made.wait()
    const { code, stderr } = await sandbox.nrunc(['events', '--stats', made.id])
    expect([code, stderr]).toEqual([1, expect.stringContaining(`container with id ${made.id} is not running`)])
  })
})
