/**
 * containerd's runc shim through nrunc, as `ctr` asks for it.
 */
import { afterEach, beforeAll, expect, test } from 'vitest'
import { join } from 'node:path'
import type { CliOptions } from '../helpers/cli.ts'
import { launcher } from '../helpers/cli.ts'
import { until } from '../helpers/host.ts'
import { bench } from '../helpers/needs.ts'
import { data, describeClient } from './world.ts'

const configuration = `
version = 2
root = "${data}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
`

describeClient(['containerd', 'ctr'], 'containerd', (world) => {
  let count = 0
  const ctr = (words: readonly string[], options?: CliOptions) => world.run(['ctr', ...words], options)
  const output = (...words: string[]) => world.output(['ctr', ...words])
  /** The words of `ctr run` for a new container: it writes to the root file system of this world. */
  const begin = (id: string, flags: readonly string[], args: readonly string[]) => [
    'run', '--runc-binary', launcher, '--cgroup', join(world.group, id), '--env', 'PATH=/bin', ...flags, '--rootfs', '/run/tree', id, ...args,
  ]
  const run = (flags: readonly string[], args: readonly string[], options?: CliOptions) =>
    ctr(begin(`c${++count}`, ['--rm', ...flags], args), options)
  const detached = async (flags: readonly string[], args: readonly string[]) => {
    const id = `c${++count}`
    await output(...begin(id, ['--detach', ...flags], args))
    return id
  }
  const taskOf = async (id: string) => new RegExp(`^${id} +\\d+ +(\\w+)`, 'm').exec(await output('task', 'ls'))?.[1]

  beforeAll(async () => {
    await world.write('/etc/containerd/config.toml', configuration)
    await world.daemon('containerd', ['containerd'], 'ctr version')
    await world.shell('cp -a "$1" /run/tree', bench().rootfs)
  })
  afterEach(async () => {
    // A task may be on its way out: what counts is that none stays.
    for (const id of (await output('task', 'ls', '-q')).split('\n').filter(Boolean)) await ctr(['task', 'rm', '--force', id])
    expect(await output('task', 'ls', '-q')).toBe('')
    for (const id of (await output('container', 'ls', '-q')).split('\n').filter(Boolean)) await output('container', 'rm', id)
    expect(await world.shell('ls -I @seccomp /run/containerd/runc/default')).toBe('')
    await until(async () => (await world.shell('pidof containerd-shim-runc-v2 || true')) === '')
  })

  test('run: streams and exit codes', async () => {
    expect(await run([], ['sh', '-c', 'echo out; echo err >&2; exit 7'])).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' })
    // Not its end: ctr 1.6 may miss that of its own input, whatever the runtime.
    expect(await run([], ['sh', '-c', 'read line; echo "got $line"'], { input: 'typed\n' })).toMatchObject({ code: 0, stdout: 'got typed\n' })
    const missing = await run([], ['nosuch'])
    expect(missing.code).not.toBe(0)
    expect(missing.stderr).toContain('exec: "nosuch": executable file not found in $PATH')
  })

  test('a terminal', async () => {
    const pty = world.terminal(['ctr', ...begin(`c${++count}`, ['--rm', '-t'], ['sh', '-c', 'tty; read line; echo "got $line"; exit 6'])])
    await pty.shows(/\/dev\/pts\/0\r+\n/)
    pty.type('hello\r')
    await pty.shows(/got hello\r+\n/)
    expect(await pty.ended).toBe(6)
  })

  test('exec: streams, a terminal, user, directory, detached', async () => {
    const id = await detached([], ['sleep', '1000'])
    const exec = (...words: string[]) => ctr(['task', 'exec', '--exec-id', `e${++count}`, ...words])
    expect(await exec(id, 'sh', '-c', 'echo out; exit 3')).toMatchObject({ code: 3, stdout: 'out\n' })
    expect(await exec('--user', '1000:1000', '--cwd', '/tmp', id, 'sh', '-c', 'id -u; pwd')).toMatchObject({ code: 0, stdout: '1000\n/tmp\n' })
    expect(await exec('--detach', id, 'touch', '/dev/shm/mark')).toMatchObject({ code: 0 })
    expect(await exec(id, 'sh', '-c', 'until [ -e /dev/shm/mark ]; do usleep 10000; done')).toMatchObject({ code: 0 })
    const pty = world.terminal(['ctr', 'task', 'exec', '--exec-id', `e${++count}`, '-t', id, 'sh', '-c', 'tty; read line; exit 4'])
    await pty.shows(/\/dev\/pts\/0\r+\n/)
    pty.type('\r')
    expect(await pty.ended).toBe(4)
  })

  test('kill, to one and to all, and the removal of a task', async () => {
    const id = await detached([], ['sleep', '1000'])
    expect(await taskOf(id)).toBe('RUNNING')
    await output('task', 'kill', '--signal', 'SIGKILL', id)
    await until(async () => await taskOf(id) === 'STOPPED')
    expect((await ctr(['task', 'rm', id])).stderr).toContain('exit code 137')
    // In the pid namespace of the host the end of the init does not end the others: that is for --all.
    const host = await detached(['--with-ns', 'pid:/proc/1/ns/pid'], ['sh', '-c', 'sleep 4242 & sleep 1000'])
    await until(async () => (await output('task', 'ps', host)).split('\n').length === 3)
    await output('task', 'kill', '--all', '--signal', 'SIGKILL', host)
    await until(async () => await taskOf(host) === 'STOPPED')
    await until(async () => (await world.shell('pgrep -f "[s]leep 4242" || true')) === '')
  })

  test('pause and resume, ps, metrics', async () => {
    const id = await detached(['--memory-limit', String(64 << 20)], ['sleep', '1000'])
    await output('task', 'pause', id)
    expect(await taskOf(id)).toBe('PAUSED')
    await output('task', 'resume', id)
    expect(await taskOf(id)).toBe('RUNNING')
    expect(await output('task', 'ps', id)).toMatch(/^PID +INFO\n\d+ +-$/)
    expect(await output('task', 'metrics', id)).toContain('memory.')
    expect(world.cgroupFile(id, 'memory', { v1: 'memory.limit_in_bytes', v2: 'memory.max' })).toBe(String(64 << 20))
  })

  test('read-only, seccomp, no new privileges, mounts', async () => {
    const flags = ['--read-only', '--seccomp', '--mount', 'type=bind,src=/run/tree/etc,dst=/mnt,options=rbind:ro']
    await world.shell('mkdir -p /run/tree/mnt')
    const script = 'touch /x 2>&1; touch /mnt/x 2>&1; grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status'
    expect((await run(flags, ['sh', '-c', script])).stdout)
      .toBe('touch: /x: Read-only file system\ntouch: /mnt/x: Read-only file system\nNoNewPrivs:\t1\nSeccomp:\t2\n')
  })

  test('events of the shim', async () => {
    await world.shell('ctr events > /run/events & echo $! > /run/events.pid')
    // The subscription has no sign of its own: the events of a container tell.
    const seen = async () => world.shell('cat /run/events')
    await until(async () => {
      await run([], ['true'])
      return /\/tasks\/exit/.test(await seen())
    })
    const id = await detached(['--memory-limit', String(16 << 20)], ['sh', '-c', 'a=xxxxxxxx; while :; do a=$a$a; done'])
    await until(async () => await taskOf(id) === 'STOPPED')
    await output('task', 'rm', id).catch(() => {})
    const about = async () => (await seen()).split('\n').filter((line) => line.includes(`"container_id":"${id}"`))
      .map((line) => /\/tasks\/([\w-]+)/.exec(line)?.[1])
    await until(async () => (await about()).includes('delete'))
    expect(await about()).toEqual(expect.arrayContaining(['create', 'start', 'oom', 'exit', 'delete']))
    await world.shell('kill $(cat /run/events.pid)')
  })

  test('many containers at once', async () => {
    const numbers = Array.from({ length: 6 }, (_, number) => String(number))
    const results = await Promise.all(numbers.map((number) => run([], ['sh', '-c', `echo ${number}; exit ${number}`])))
    expect(results).toEqual(numbers.map((number) => ({ code: Number(number), stdout: `${number}\n`, stderr: '' })))
  })
})
