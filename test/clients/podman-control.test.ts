/**
 * What Podman does to running containers: signals, the freezer, limits, statistics, health, restarts.
 */
import { afterEach, beforeAll, expect, test } from 'vitest'
import { until } from '../helpers/host.ts'
import { Podman, programs } from './podman.ts'
import { describeClient } from './world.ts'

describeClient(programs, 'podman: control', (world) => {
  const podman = new Podman(world)
  beforeAll(() => podman.start())
  afterEach(() => podman.removeAll())
  const trapping = ['sh', '-c', `trap 'exit 5' TERM; trap 'echo usr1' USR1; echo ready; while :; do usleep 10000; done`]
  const logged = (id: string, text: string) => until(async () => (await podman.output(['logs', id])).includes(text))

  test('kill and stop', async () => {
    const id = await podman.detached([], trapping)
    await logged(id, 'ready')
    await podman.output(['kill', '--signal', 'USR1', id])
    await logged(id, 'usr1')
    await podman.output(['stop', id])
    expect(await podman.inspect(id, '.State.Status')).toBe('exited')
    expect(await podman.inspect(id, '.State.ExitCode')).toBe('5')
    const deaf = await podman.detached([], ['sleep', '1000'])
    await podman.output(['kill', deaf])
    expect(await podman.output(['wait', deaf])).toBe('137')
  })

  test('pause and unpause', async () => {
    const id = await podman.detached([], ['sleep', '1000'])
    await podman.output(['pause', id])
    expect(await podman.inspect(id, '.State.Status')).toBe('paused')
    expect((await podman.run(['exec', id, 'true'])).code).not.toBe(0)
    await podman.output(['unpause', id])
    await podman.output(['exec', id, 'true'])
    await podman.output(['pause', id])
  })

  test('limits of memory, processors and processes, and their update', async () => {
    const flags = ['--memory', '64m', '--cpus', '0.5', '--cpuset-cpus', '0', '--pids-limit', '50']
    const id = await podman.detached(flags, ['sleep', '1000'])
    const limit = () => world.cgroupFile(`libpod-${id}`, 'memory', { v1: 'memory.limit_in_bytes', v2: 'memory.max' })
    const processes = () => world.cgroupFile(`libpod-${id}`, 'pids', { v1: 'pids.max', v2: 'pids.max' })
    const quota = () => world.cgroupFile(`libpod-${id}`, 'cpu', { v1: 'cpu.cfs_quota_us', v2: 'cpu.max' })
    expect([limit(), processes()]).toEqual([String(64 << 20), '50'])
    expect(quota()).toBeOneOf(['50000', '50000 100000'])
    await podman.output(['update', '--memory', '128m', '--cpus', '0.25', id])
    expect(limit()).toBe(String(128 << 20))
    expect(quota()).toBeOneOf(['25000', '25000 100000'])
    expect(await podman.output(['stats', '--no-stream', '--format', '{{.MemUsage}} {{.PIDs}}', id])).toMatch(/B \/ \S+ 1$/)
    expect(await podman.output(['top', id, 'pid', 'args'])).toMatch(/1 +sleep 1000$/)
  })

  test('out of memory', async () => {
    const id = await podman.detached(['--memory', '16m', '--memory-swap', '16m'], ['sh', '-c', 'a=xxxxxxxx; while :; do a=$a$a; done'])
    expect(await podman.output(['wait', id])).toBe('137')
    // conmon 2.1.6 writes that to its working directory, where Podman 4.3 does not look for it.
    const told = await world.shell('test -e oom && echo yes || echo no')
    expect([told, await podman.inspect(id, '.State.OOMKilled')]).toContainEqual(expect.toBeOneOf(['yes', 'true']))
  })

  test('restart, start again, the restart policy', async () => {
    const id = await podman.detached([], ['sh', '-c', 'echo begin; sleep 1000'])
    await podman.output(['restart', '--time', '0', id])
    await podman.output(['stop', '--time', '0', id])
    await podman.output(['start', id])
    await until(async () => (await podman.output(['logs', id])) === 'begin\nbegin\nbegin')
    const stubborn = await podman.detached(['--restart', 'on-failure:2'], ['sh', '-c', 'echo try; exit 3'])
    await until(async () => (await podman.output(['logs', stubborn])) === 'try\ntry\ntry')
    await until(async () => (await podman.inspect(stubborn, '.State.Status')) === 'exited')
    expect(await podman.inspect(stubborn, '.State.ExitCode')).toBe('3')
  })

  test('health checks', async () => {
    const flags = ['--health-cmd', 'test -e /dev/shm/well', '--health-interval', 'disable', '--health-retries', '1']
    const id = await podman.detached(flags, ['sleep', '1000'])
    expect(await podman.run(['healthcheck', 'run', id])).toMatchObject({ code: 1 })
    await podman.output(['exec', id, 'touch', '/dev/shm/well'])
    expect(await podman.run(['healthcheck', 'run', id])).toMatchObject({ code: 0 })
  })

  test('a pod', async () => {
    const pod = await podman.output(['pod', 'create', '--infra=false', '--share', '', '--cgroup-parent', world.group])
    const inPod = async (...words: string[]) => podman.output([...podman.begin('run', '--rm', '--pod', pod), 'box', ...words])
    expect(await inPod('echo', 'in a pod')).toBe('in a pod')
    await podman.output(['pod', 'rm', '--force', pod])
  })

  test('a container whose start fails leaves nothing', async () => {
    const { code, stderr } = await podman.run([...podman.begin('run', '--name', 'broken'), 'box', '/no/such'])
    expect(code).toBe(127)
    expect(stderr).toContain('no such file or directory')
    expect(await podman.kept()).toBe('')
    await until(async () => (await world.shell('pidof conmon || true')) === '')
  })
})
