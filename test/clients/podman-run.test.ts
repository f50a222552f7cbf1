/**
 * `podman run` and `podman exec` through nrunc: streams, terminals, exit codes, users.
 */
import { afterEach, beforeAll, expect, test } from 'vitest'
import { launcher } from '../helpers/cli.ts'
import { until } from '../helpers/host.ts'
import { Podman, programs } from './podman.ts'
import { describeClient } from './world.ts'

describeClient(programs, 'podman run', (world) => {
  const podman = new Podman(world)
  beforeAll(() => podman.start())
  afterEach(() => podman.removeAll())
  const run = (...words: string[]) => podman.run([...podman.begin('run', '--rm'), ...words])

  test('podman knows the runtime, by its configuration and by --runtime', async () => {
    expect(await podman.output(['info', '--format', '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'])).toBe(`nrunc ${launcher}`)
    expect(await podman.output(['--runtime', launcher, ...podman.begin('run', '--rm'), 'box', 'echo', 'hello'])).toBe('hello')
    expect(await podman.output(['--runtime-flag', 'debug', ...podman.begin('run', '--rm'), 'box', 'echo', 'hello'])).toBe('hello')
  })

  test('standard output, standard error, exit code', async () => {
    expect(await run('box', 'sh', '-c', 'echo out; echo err >&2; exit 7')).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' })
  })

  test('standard input, and its end', async () => {
    const { code, stdout } = await podman.run([...podman.begin('run', '--rm', '-i'), 'box', 'wc', '-c'], { input: 'x'.repeat(100_000) })
    expect({ code, stdout }).toEqual({ code: 0, stdout: '100000\n' })
  })

  test('commands that cannot run: 127 and 126', async () => {
    const missing = await run('box', 'nosuch')
    expect(missing).toMatchObject({ code: 127 })
    expect(missing.stderr).toContain('exec: "nosuch": executable file not found in $PATH')
    expect(await run('box', '/no/such')).toMatchObject({ code: 127 })
    expect(await run('box', '/etc/passwd')).toMatchObject({ code: 126 })
  })

  test('a terminal: its size, a signal from the keyboard, the exit code', async () => {
    const script = `tty; test -t 0 && test -t 2 && ls -l /dev/console
      await() { until [ "$(stty size 2> /dev/null)" = "$1" ]; do usleep 10000; done; echo "size $1"; }
      await '30 90'; await '40 100'
      trap 'exit 9' INT; echo ready; while :; do usleep 10000; done`
    const pty = world.terminal(['podman', ...podman.begin('run', '--rm', '-it'), 'box', 'sh', '-c', script])
    await pty.shows(/\/dev\/pts\/0\r\n.* 136, .*\/dev\/console\r\nsize 30 90\r\n/)
    pty.resize(40, 100)
    await pty.shows(/size 40 100\r\nready\r\n/)
    pty.type('\u0003')
    expect(await pty.ended).toBe(9)
  })

  test('exec: streams, exit codes, user, environment, directory, detached', async () => {
    const id = await podman.detached(['--env', 'OF=container'], ['sleep', '1000'])
    expect(await podman.run(['exec', id, 'sh', '-c', 'echo $OF; echo err >&2; exit 3'])).toEqual({ code: 3, stdout: 'container\n', stderr: 'err\n' })
    expect(await podman.output(['exec', '-i', id, 'cat'], { input: 'typed' })).toBe('typed')
    const as = ['exec', '--user', '1000:1000', '--env', 'A=b c', '--workdir', '/tmp', id, 'sh', '-c', 'id -u; id -g; echo $A; pwd; grep CapEff /proc/self/status']
    expect(await podman.output(as)).toBe('1000\n1000\nb c\n/tmp\nCapEff:\t0000000000000000')
    await podman.output(['exec', '--detach', id, 'sh', '-c', 'echo done > /dev/shm/mark'])
    await podman.output(['exec', id, 'sh', '-c', 'until [ -s /dev/shm/mark ]; do usleep 10000; done'])
    expect(await podman.run(['exec', id, 'nosuch'])).toMatchObject({ code: 127 })
    expect(await podman.run(['exec', id, '/etc/passwd'])).toMatchObject({ code: 126 })
  })

  test('exec on a terminal', async () => {
    const id = await podman.detached([], ['sleep', '1000'])
    const pty = world.terminal(['podman', 'exec', '-it', id, 'sh', '-c', 'test -t 1 && tty; read line; echo "got $line"; exit 4'])
    await pty.shows(/\/dev\/pts\/0\r\n/)
    pty.type('hello\r')
    await pty.shows(/got hello\r\n/)
    expect(await pty.ended).toBe(4)
  })

  test('descriptors that are preserved', async () => {
    const flags = podman.begin('run', '--rm', '--preserve-fds', '1').map((word) => `'${word}'`).join(' ')
    expect(await world.shell(`echo passed > /run/passed; podman ${flags} box sh -c 'cat <&3' 3< /run/passed`)).toBe('passed')
  })

  test('logs, wait, init and start, the command at the exit', async () => {
    const id = await podman.output([...podman.begin('create'), 'box', 'sh', '-c', 'echo out; exit 5'])
    await podman.output(['init', id])
    expect(await podman.inspect(id, '.State.Status')).toBeOneOf(['initialized', 'created'])
    await podman.output(['start', id])
    expect(await podman.output(['wait', id])).toBe('5')
    expect(await podman.output(['logs', id])).toBe('out')
    // conmon runs `podman container cleanup`, which deletes it with the runtime.
    await until(async () => (await podman.kept()) === '')
  })

  test('many containers at once', async () => {
    const numbers = Array.from({ length: 6 }, (_, number) => String(number))
    const results = await Promise.all(numbers.map((number) => run('box', 'sh', '-c', `echo ${number}; exit ${number}`)))
    expect(results).toEqual(numbers.map((number) => ({ code: Number(number), stdout: `${number}\n`, stderr: '' })))
  })
})
