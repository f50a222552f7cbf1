/**
 * `nrunc exec`: its flags, its exit codes and its words.
 */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { useSandbox } from '../helpers/containers.ts'
import { commandLineOf, isRunning, until } from '../helpers/host.ts'
import { bench, container, describeWith } from '../helpers/needs.ts'
import { bitsOf, parseProbe } from '../helpers/probe.ts'

describeWith([...container, 'cli', 'compiler'], 'nrunc exec', () => {
  const sandbox = useSandbox()
  let id = ''
  beforeEach(async () => {
    const made = sandbox.bundle(['sleep', '1000'])
    id = made.id
    expect(await sandbox.nrunc(['run', '-d', '-b', made.bundle, id])).toEqual({ code: 0, stdout: '', stderr: '' })
  })
  const exec = (...words: string[]) => sandbox.nrunc(['exec', ...words])

  test('output, input and exit code are the command\'s', async () => {
    const result = await sandbox.nrunc(['exec', id, 'sh', '-c', 'cat; echo err >&2; exit 7'], { input: 'in' })
    expect(result).toEqual({ code: 7, stdout: 'in', stderr: 'err\n' })
  })

  test('128 and the signal, for a command that a signal ended', async () => {
    expect((await exec(id, 'sh', '-c', 'kill -9 $$')).code).toBe(137)
    expect((await exec(id, 'sh', '-c', 'kill -TERM $$')).code).toBe(143)
  })

  test('flags after the command are the command\'s', async () => {
    expect((await exec(id, 'echo', '-e', '--cwd', 'x')).stdout).toBe('--cwd x\n')
  })

  test('--env, --cwd, --user, --additional-gids, --cap, --no-new-privs', async () => {
    const words = [
      '--env',
      'A=1',
      '-e',
      'B=2',
      '--cwd',
      '/tmp',
      '--user',
      '1000:1001',
      '-g',
      '5',
      '--additional-gids',
      '6',
      '-c',
      'CAP_CHOWN',
    ]
    const { stdout } = await exec(...words, '--no-new-privs', id, 'probe')
    const seen = parseProbe(stdout)
    expect(seen.env).toEqual(expect.arrayContaining(['A=1', 'B=2']))
    expect([
      seen.directory,
      seen.status['Uid'],
      seen.status['Gid'],
      seen.status['Groups']?.trim(),
      seen.status['NoNewPrivs'],
    ]).toEqual(['/tmp', '1000\t1000\t1000\t1000', '1001\t1001\t1001\t1001', '5 6', '1'])
    expect(bitsOf(seen.status['CapBnd'])).toContain(0)
    expect(bitsOf(seen.status['CapInh'])).toEqual([])
  })

  const { apparmor, selinux } = bench().missing
  test.skipIf(apparmor === undefined)('--apparmor without the module is refused', async () => {
    const { code, stderr } = await exec('--apparmor', 'docker-default', id, 'true')
    expect([code, stderr]).toEqual([255, expect.stringContaining('exec failed: ')])
    expect(stderr).toContain('apparmor not supported')
    expect((await exec('--apparmor=', id, 'true')).code).toBe(0)
  })

  test.skipIf(selinux === undefined)('--process-label without the module is refused', async () => {
    const { code, stderr } = await exec('--process-label', 'system_u:system_r:container_t:s0', id, 'true')
    expect([code, stderr]).toEqual([255, expect.stringContaining('exec failed: ')])
    expect(stderr).toMatch(/selinux|SELinux/)
  })

  test('--detach returns at once; --pid-file has the pid', async () => {
    const pidFile = join(sandbox.directory, 'detached.pid')
    expect(await exec('--detach', '--pid-file', pidFile, id, 'sleep', '1000')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
    const pid = Number(readFileSync(pidFile, 'utf8'))
    expect(isRunning(pid)).toBe(true)
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toBe('sleep\x001000\0')
  })

  test('--process takes the whole process from a file', async () => {
    const file = join(sandbox.directory, 'process.json')
    writeFileSync(
      file,
      JSON.stringify({ args: ['probe'], cwd: '/tmp', user: { uid: 5, gid: 6 }, env: ['PATH=/bin', 'A=1'] }),
    )
    const seen = parseProbe((await exec('--process', file, id)).stdout)
    expect([seen.env, seen.directory, seen.status['Uid']]).toEqual([
      ['PATH=/bin', 'A=1', 'HOME=/'],
      '/tmp',
      '5\t5\t5\t5',
    ])
  })

  test('--preserve-fds passes descriptors on under their numbers', async () => {
    const files = ['/etc/hostname', '/etc/passwd'].map((path) => openSync(path, 'r'))
    const { stdout } = await sandbox.nrunc(['exec', '--preserve-fds', '1', id, 'probe'], { descriptors: files })
    files.forEach((file) => closeSync(file))
    const { descriptors } = parseProbe(stdout)
    expect(Object.keys(descriptors)).toEqual(['0', '1', '2', '3'])
    expect(descriptors['3']).toMatch(/hostname$/)
  })

  test('a signal to the command in the foreground goes to its process', async () => {
    const running = exec(
      id,
      'sh',
      '-c',
      'trap "echo heard; exit 3" TERM; echo ready > /dev/shm/ready; while :; do sleep 0.01; done',
    )
    await until(async () => (await exec(id, 'cat', '/dev/shm/ready')).code === 0)
    const { pid: init } = JSON.parse((await sandbox.nrunc(['state', id])).stdout) as { pid: number }
    const pids = JSON.parse((await sandbox.nrunc(['ps', '-f', 'json', id])).stdout) as number[]
    const own = pids.find((pid) => pid !== init && commandLineOf(pid).startsWith('sh\0'))
    const parent = Number(/^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${own}/status`, 'utf8'))?.[1])
    process.kill(parent, 'SIGTERM')
    expect(await running).toMatchObject({ code: 3, stdout: 'heard\n' })
  })

  test.each([
    [['nosuch'], 'exec: "nosuch": executable file not found in $PATH'],
    [['/no/such'], 'exec: "/no/such": stat /no/such: no such file or directory'],
    [['/etc/passwd'], 'exec: "/etc/passwd": permission denied'],
  ])('exit code 255 and runc\'s words: %j', async (args, message) => {
    const { code, stderr, stdout } = await exec(id, ...args)
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' })
    expect(stderr).toContain(`exec failed: ${message}`.replaceAll('"', '\\"'))
  })

  test.each(['1:', ':1', '0x1', '1:2:3', ' 1', '4294967296', '-1', 'root'])('a user that is none: %j', async (user) => {
    const { code, stdout } = await exec('--user', user, id, 'id', '-u')
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' })
  })

  test('no container, and one that has stopped', async () => {
    const absent = await exec('absent', 'true')
    expect([absent.code, absent.stderr]).toEqual([
      255,
      expect.stringContaining('container \\"absent\\" does not exist'),
    ])
    await sandbox.nrunc(['kill', id, 'KILL'])
    await until(async () => JSON.parse((await sandbox.nrunc(['state', id])).stdout).status === 'stopped')
    const stopped = await exec(id, 'true')
    expect([stopped.code, stopped.stderr]).toEqual([255, expect.stringContaining('cannot exec in a stopped container')])
  })
})
