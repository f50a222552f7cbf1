/**
 * `docker run` and `docker exec` through nrunc: streams, terminals, exit codes, users.
 */
import { afterEach, beforeAll, expect, test } from 'vitest'
import { Docker, programs } from './docker.ts'
import { describeClient } from './world.ts'

describeClient(programs, 'docker run', (world) => {
  const docker = new Docker(world)
  beforeAll(() => docker.start())
  afterEach(() => docker.removeAll())
  const run = (...words: string[]) => docker.run(['run', '--rm', '--network', 'none', ...words])

  test('the daemon knows the runtime', async () => {
    expect(await docker.output(['info', '--format', '{{.DefaultRuntime}} {{.CgroupDriver}}'])).toBe('nrunc cgroupfs')
    expect(await docker.inspect(await docker.detached([], ['true']), '.HostConfig.Runtime')).toBe('nrunc')
  })

  test('standard output, standard error, exit code', async () => {
    expect(await run('box', 'sh', '-c', 'echo out; echo err >&2; exit 7')).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' })
    expect(await run('--init', 'box', 'sh', '-c', 'kill -9 $$')).toMatchObject({ code: 137 })
  })

  test('standard input, and its end', async () => {
    const { code, stdout } = await docker.run(['run', '--rm', '-i', '--network', 'none', 'box', 'wc', '-c'], { input: 'x'.repeat(100_000) })
    expect({ code, stdout }).toEqual({ code: 0, stdout: '100000\n' })
  })

  test('commands that cannot run: 127 and 126', async () => {
    const missing = await run('box', 'nosuch')
    expect(missing).toMatchObject({ code: 127 })
    expect(missing.stderr).toContain('exec: "nosuch": executable file not found in $PATH')
    expect(await run('box', '/no/such')).toMatchObject({ code: 127 })
    expect(await run('box', '/etc/passwd')).toMatchObject({ code: 126 })
    expect(await run('--user', 'nobody-knows', 'box', 'true')).toMatchObject({ code: 125 })
  })

  test('a terminal: its size, a signal from the keyboard, the exit code', async () => {
    // Docker tells the size after the start.
    const script = `tty; test -t 0 && test -t 2 && ls -l /dev/console
      await() { until [ "$(stty size 2> /dev/null)" = "$1" ]; do usleep 10000; done; echo "size $1"; }
      await '30 90'; await '40 100'
      trap 'exit 9' INT; echo ready; while :; do usleep 10000; done`
    const pty = world.terminal(['docker', 'run', '--rm', '-it', '--network', 'none', 'box', 'sh', '-c', script])
    await pty.shows(/\/dev\/pts\/0\r\n.* 136, .*\/dev\/console\r\nsize 30 90\r\n/)
    pty.resize(40, 100)
    await pty.shows(/size 40 100\r\nready\r\n/)
    pty.type('\u0003')
    expect(await pty.ended).toBe(9)
  })

  test('exec: streams, exit codes, user, environment, directory, detached', async () => {
    const id = await docker.detached(['--env', 'OF=container'], ['sleep', '1000'])
    expect(await docker.run(['exec', id, 'sh', '-c', 'echo $OF; echo err >&2; exit 3'])).toEqual({ code: 3, stdout: 'container\n', stderr: 'err\n' })
    expect(await docker.output(['exec', '-i', id, 'cat'], { input: 'typed' })).toBe('typed')
    const as = ['exec', '--user', '1000:1000', '--env', 'A=b c', '--workdir', '/tmp', id, 'sh', '-c', 'id -u; id -g; echo $A; pwd; grep CapEff /proc/self/status']
    expect(await docker.output(as)).toBe('1000\n1000\nb c\n/tmp\nCapEff:\t0000000000000000')
    expect(await docker.output(['exec', '--privileged', id, 'grep', 'CapEff', '/proc/self/status'])).not.toBe('CapEff:\t00000000a80425fb')
    await docker.output(['exec', '--detach', id, 'sh', '-c', 'echo done > /dev/shm/mark'])
    await docker.output(['exec', id, 'sh', '-c', 'until [ -s /dev/shm/mark ]; do usleep 10000; done'])
    expect(await docker.run(['exec', id, 'nosuch'])).toMatchObject({ code: expect.toBeOneOf([126, 127]) })
  })

  test('exec on a terminal', async () => {
    const id = await docker.detached([], ['sleep', '1000'])
    const pty = world.terminal(['docker', 'exec', '-it', id, 'sh', '-c', 'test -t 1 && tty; read line; echo "got $line"; exit 4'])
    await pty.shows(/\/dev\/pts\/0\r\n/)
    pty.type('hello\r')
    await pty.shows(/got hello\r\n/)
    expect(await pty.ended).toBe(4)
  })

  test('logs, attach, wait, cp', async () => {
    const id = await docker.detached(['--interactive'], ['sh', '-c', 'echo begin; read line; echo "got $line"; exit 5'])
    await docker.output(['attach', id], { input: 'hello\n' }).catch(() => {})
    expect(await docker.output(['wait', id])).toBe('5')
    expect(await docker.output(['logs', id])).toBe('begin\ngot hello')
    expect(await docker.output(['cp', `${id}:/etc/passwd`, '-'])).toContain('root:x:0:0:root')
  })

  test('many containers at once', async () => {
    const numbers = Array.from({ length: 8 }, (_, number) => String(number))
    const results = await Promise.all(numbers.map((number) => run('box', 'sh', '-c', `echo ${number}; exit ${number}`)))
    expect(results).toEqual(numbers.map((number) => ({ code: Number(number), stdout: `${number}\n`, stderr: '' })))
  })
})
