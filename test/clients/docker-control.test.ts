/**
 * What Docker does to running containers: signals, the freezer, limits, statistics, health, restarts.
 */
import { afterEach, beforeAll, expect, test } from 'vitest'
import { until } from '../helpers/host.ts'
import { Docker, programs } from './docker.ts'
import { describeClient } from './world.ts'

/** Takes memory until it may not. */
const greedy = ['sh', '-c', 'a=xxxxxxxx; while :; do a=$a$a; done']

describeClient(programs, 'docker: control', (world) => {
  const docker = new Docker(world)
  beforeAll(() => docker.start())
  afterEach(() => docker.removeAll())
  const trapping = ['sh', '-c', `trap 'exit 5' TERM; trap 'echo usr1' USR1; echo ready; while :; do usleep 10000; done`]
  const logged = (id: string, text: string) => until(async () => (await docker.output(['logs', id])).includes(text))

  test('kill and stop', async () => {
    const id = await docker.detached([], trapping)
    await logged(id, 'ready')
    await docker.output(['kill', '--signal', 'USR1', id])
    await logged(id, 'usr1')
    await docker.output(['stop', id])
    expect(await docker.inspect(id, '.State.Status')).toBe('exited')
    expect(await docker.inspect(id, '.State.ExitCode')).toBe('5')
    const deaf = await docker.detached([], ['sleep', '1000'])
    await docker.output(['stop', '--time', '0', deaf])
    expect(await docker.inspect(deaf, '.State.ExitCode')).toBe('137')
  })

  test('pause and unpause', async () => {
    const id = await docker.detached([], ['sleep', '1000'])
    await docker.output(['pause', id])
    expect(await docker.inspect(id, '.State.Status')).toBe('paused')
    expect((await docker.run(['exec', id, 'true'])).code).not.toBe(0)
    await docker.output(['unpause', id])
    expect(await docker.inspect(id, '.State.Status')).toBe('running')
    await docker.output(['exec', id, 'true'])
    // A paused container ends, too.
    await docker.output(['pause', id])
    await docker.output(['rm', '--force', id])
  })

  test('limits of memory, processors and processes, and their update', async () => {
    const flags = ['--memory', '64m', '--cpus', '0.5', '--cpu-shares', '512', '--cpuset-cpus', '0', '--pids-limit', '50']
    const id = await docker.detached(flags, ['sleep', '1000'])
    const limit = () => world.cgroupFile(id, 'memory', { v1: 'memory.limit_in_bytes', v2: 'memory.max' })
    const processes = () => world.cgroupFile(id, 'pids', { v1: 'pids.max', v2: 'pids.max' })
    expect([limit(), processes()]).toEqual([String(64 << 20), '50'])
    expect(world.cgroupFile(id, 'cpu', { v1: 'cpu.cfs_quota_us', v2: 'cpu.max' })).toBeOneOf(['50000', '50000 100000'])
    expect(world.cgroupFile(id, 'cpuset', { v1: 'cpuset.cpus', v2: 'cpuset.cpus' })).toBe('0')
    await docker.output(['update', '--memory', '128m', '--memory-swap', '256m', '--pids-limit', '60', '--cpu-shares', '2048', id])
    expect([limit(), processes()]).toEqual([String(128 << 20), '60'])
    expect(await docker.inspect(id, '.HostConfig.CpuShares')).toBe('2048')
    expect(world.cgroupFile(id, 'cpu', { v1: 'cpu.shares', v2: 'cpu.max' })).toBeOneOf(['2048', '50000 100000'])
    expect(await docker.output(['stats', '--no-stream', '--format', '{{.MemUsage}} {{.PIDs}}', id])).toMatch(/iB \/ 128MiB 1$/)
    expect(await docker.output(['top', id, '-o', 'pid,args'])).toMatch(/\d+ +sleep 1000$/)
  })

  test('out of memory', async () => {
    const id = await docker.detached(['--memory', '16m', '--memory-swap', '16m'], greedy)
    expect(await docker.output(['wait', id])).toBe('137')
    expect(await docker.inspect(id, '.State.OOMKilled')).toBe('true')
  })

  test('more processes than allowed', async () => {
    const { code, stderr } = await docker.run(['run', '--rm', '--network', 'none', '--pids-limit', '3', 'box', 'sh', '-c', 'sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait'])
    expect(code).not.toBe(0)
    expect(stderr).toContain("can't fork")
  })

  test('restart, start again, the restart policy', async () => {
    const id = await docker.detached([], ['sh', '-c', 'echo begin; sleep 1000'])
    await docker.output(['restart', '--time', '0', id])
    await docker.output(['stop', '--time', '0', id])
    await docker.output(['start', id])
    await until(async () => (await docker.output(['logs', id])) === 'begin\nbegin\nbegin')
    const stubborn = await docker.detached(['--restart', 'on-failure:2'], ['sh', '-c', 'exit 3'])
    await until(async () =>
      (await docker.inspect(stubborn, '.State.Status')) === 'exited' && (await docker.inspect(stubborn, '.RestartCount')) === '2')
    expect(await docker.inspect(stubborn, '.State.ExitCode')).toBe('3')
  })

  test('health checks', async () => {
    const flags = ['--health-cmd', 'test -e /dev/shm/well', '--health-interval', '200ms', '--health-retries', '1']
    const id = await docker.detached(flags, ['sleep', '1000'])
    const health = (is: string) => until(async () => (await docker.inspect(id, '.State.Health.Status')) === is)
    await health('unhealthy')
    await docker.output(['exec', id, 'touch', '/dev/shm/well'])
    await health('healthy')
  })

  test('events', async () => {
    const id = await docker.detached([], ['sleep', '1000'])
    await docker.output(['exec', id, 'true'])
    await docker.output(['stop', '--time', '0', id])
    const soon = String(Math.floor(Date.now() / 1000) + 2)
    const events = ['events', '--since', '0', '--until', soon, '--filter', `container=${id}`, '--format', '{{.Action}}']
    const actions = (await docker.output(events)).split('\n').map((line) => line.split(':')[0])
    expect(actions).toEqual(expect.arrayContaining(['create', 'start', 'exec_create', 'exec_start', 'exec_die', 'kill', 'die', 'stop']))
  })

  test('a container whose start fails leaves nothing', async () => {
    const before = await world.shell('ls /run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby 2> /dev/null | wc -l')
    const { code, stderr } = await docker.run(['run', '--network', 'none', '--name', 'broken', 'box', '/no/such'])
    expect(code).toBe(127)
    expect(stderr).toContain('no such file or directory')
    expect(await docker.inspect('broken', '.State.Status')).toBe('created')
    expect(await world.shell('ls /run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby 2> /dev/null | wc -l')).toBe(before)
  })
})
