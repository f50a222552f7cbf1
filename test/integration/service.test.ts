/**
 * Containers as services: sockets that were passed (LISTEN_FDS), and readiness (NOTIFY_SOCKET).
 */
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { program, runProgram } from '../helpers/cli.ts'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { Peer } from '../helpers/peer.ts'
import { parseProbe } from '../helpers/probe.ts'

describeWith([...container, 'cli', 'compiler'], 'socket activation', () => {
  const sandbox = useSandbox()
  // LISTEN_PID has to be that of the process that is executed in the shell's place.
  const activated = (count: string, words: readonly string[]) => ({
    through: ['sh', '-c', `LISTEN_PID=$$ LISTEN_FDS=${count} exec "$@"`, 'sh', process.execPath, program, '--root', sandbox.root, ...words],
  })
  const run = async (listen: string | undefined, flags: readonly string[]) => {
    const files = ['/etc/hostname', '/etc/passwd', '/etc/group'].map((path) => openSync(path, 'r'))
    const { id, bundle } = sandbox.bundle(['probe'])
    const words = ['run', ...flags, '-b', bundle, id]
    const given = listen === undefined ? undefined : activated(listen, words)
    const result = given === undefined
      ? await sandbox.nrunc(words, { descriptors: files })
      : await runProgram(given.through, { descriptors: files })
    files.forEach((file) => closeSync(file))
    expect(result).toMatchObject({ code: 0, stderr: '' })
    const { descriptors, env } = parseProbe(result.stdout)
    return { passed: Object.entries(descriptors).slice(3).map(([number, path]) => [number, path.split('/').at(-1)]), env }
  }

  test('LISTEN_FDS: the sockets, LISTEN_PID=1, and --preserve-fds after them', async () => {
    const { passed, env } = await run('1', ['--preserve-fds', '1'])
    expect(passed).toEqual([['3', 'hostname'], ['4', 'passwd']])
    expect(env).toEqual(expect.arrayContaining(['LISTEN_FDS=1', 'LISTEN_PID=1']))
  })

  test('nothing of it is known to exec', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    const file = openSync('/etc/hostname', 'r')
    const given = activated('1', ['run', '-d', '-b', bundle, id])
    expect(await runProgram(given.through, { descriptors: [file] })).toMatchObject({ code: 0, stderr: '' })
    closeSync(file)
    expect((await sandbox.nrunc(['exec', id, 'env'])).stdout).not.toContain('LISTEN')
  })

  test('a LISTEN_PID of another process counts for nothing', async () => {
    const { id, bundle } = sandbox.bundle(['probe'])
    const file = openSync('/etc/hostname', 'r')
    const result = await sandbox.nrunc(['run', '-b', bundle, id], { descriptors: [file], env: { LISTEN_PID: '1', LISTEN_FDS: '1' } })
    closeSync(file)
    const { descriptors, env } = parseProbe(result.stdout)
    expect([Object.keys(descriptors), env.filter((one) => one.startsWith('LISTEN'))]).toEqual([['0', '1', '2'], []])
  })
})

describeWith([...container, 'cli', 'compiler'], 'readiness', () => {
  const sandbox = useSandbox()
  let manager: Peer
  let socket = ''
  let count = 0
  beforeEach(async () => {
    socket = join(sandbox.directory, `notify-${++count}.sock`)
    manager = new Peer('notify', socket)
    await manager.says(/^listening$/m)
  })
  afterEach(() => manager.close())

  const script = 'sockets send $NOTIFY_SOCKET STATUS=x; sockets send $NOTIFY_SOCKET "MAINPID=1\nREADY=1"; exec sleep 1000'
  const service = (args: readonly string[], change?: (spec: TestSpec) => void) => sandbox.bundle(args, (spec) => {
    spec.root = { path: sandbox.rootfs() }
    change?.(spec)
  })
  const pidOf = async (id: string) => (JSON.parse((await sandbox.nrunc(['state', id])).stdout) as { pid: number }).pid
  const told = (mainPid: number) => `listening\ngot READY=1\n\ngot MAINPID=${mainPid}\n\ngot BARRIER=1\ndescriptors 1\n`

  test('create and start: start returns when the manager knows, and names init', async () => {
    const { id, bundle } = service(['sh', '-c', script])
    const env = { NOTIFY_SOCKET: socket }
    expect(await sandbox.nrunc(['create', '-b', bundle, id], { env })).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(manager.said).toBe('listening\n')
    expect(await sandbox.nrunc(['start', id], { env })).toEqual({ code: 0, stdout: '', stderr: '' })
    await manager.says(/^descriptors/m)
    expect(manager.said).toBe(told(await pidOf(id)))
  })

  test('run --detach, in a user namespace', async () => {
    const { id, bundle } = service(['sh', '-c', script], ({ linux, root }) => {
      mkdirSync(join(root.path, 'run/notify'), { recursive: true }) // root of the container may not make it
      linux.namespaces = [...linux.namespaces, { type: 'user' }]
      const ids = [{ containerID: 0, hostID: 100000, size: 65536 }]
      Object.assign(linux, { uidMappings: ids, gidMappings: ids })
    })
    const result = await sandbox.nrunc(['run', '-d', '-b', bundle, id], { env: { NOTIFY_SOCKET: socket } })
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(manager.said).toBe(told(await pidOf(id)))
  })

  test('run in the foreground: the manager goes on following the command', async () => {
    const { id, bundle } = service(['sh', '-c', 'sockets send $NOTIFY_SOCKET READY=1; sleep 0.1'])
    const result = await sandbox.nrunc(['run', '-b', bundle, id], { env: { NOTIFY_SOCKET: socket } })
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' })
    await manager.says(/^got MAINPID=[1-9][0-9]*$/m)
  })

  /** In the place of `manager`; it reads when something is written to it. */
  const busyManager = async () => {
    manager.close()
    socket = join(sandbox.directory, `notify-${++count}.sock`)
    manager = new Peer('busy', socket)
    await manager.says(/^full$/m)
  }

  test('run in the foreground: a manager that is busy hears of a program that has ended since', async () => {
    await busyManager()
    const { id, bundle } = service(['sh', '-c', 'sockets send $NOTIFY_SOCKET READY=1'])
    const ended = sandbox.nrunc(['run', '-b', bundle, id], { env: { NOTIFY_SOCKET: socket } })
    const status = async () => (JSON.parse((await sandbox.nrunc(['state', id])).stdout || '{}') as { status?: string }).status
    await expect.poll(status, { timeout: 60_000 }).toBe('stopped')
    manager.write('x')
    expect(await ended).toEqual({ code: 0, stdout: '', stderr: '' })
    await manager.says(/^got READY=1\n\ngot MAINPID=[1-9][0-9]*$/m)
  })

  test('a manager that stays busy for half a minute: an error for whoever waits', async () => {
    await busyManager()
    const rootfs = sandbox.rootfs()
    const made = await sandbox.run(['sockets', 'send', '/run/notify/notify.sock', 'READY=1'], (spec) => { spec.root.path = rootfs }, { notify: { socket } })
    const error = await rejection(made.notified as Promise<boolean>)
    expect(error).toMatchObject({ code: 'ERR_HOST', errno: 'EAGAIN', operand: socket })
  })

  test('a program that ends without a word: start returns, the manager hears nothing', async () => {
    const { id, bundle } = service(['true'])
    const env = { NOTIFY_SOCKET: socket }
    await sandbox.nrunc(['create', '-b', bundle, id], { env })
    expect(await sandbox.nrunc(['start', id], { env })).toMatchObject({ code: 0 })
    expect(manager.said).toBe('listening\n')
  })

  test('the library: notified tells what became of it; the socket is gone with the container', async () => {
    const rootfs = sandbox.rootfs()
    const options = { notify: { socket } }
    const ready = await sandbox.run(['sockets', 'send', '/run/notify/notify.sock', 'READY=1'], (spec) => { spec.root.path = rootfs }, options)
    expect(await ready.notified).toBe(true)
    expect(manager.said).not.toContain('MAINPID')
    const silent = await sandbox.create(['true'], (spec) => { spec.root.path = rootfs }, options)
    expect(silent.notified).toBeNull()
    await silent.start()
    expect(await silent.notified).toBe(false)
    await silent.delete()
    expect(existsSync(join(sandbox.root, silent.id))).toBe(false)
    const none = await sandbox.run(['true'], undefined, {})
    expect(none.notified).toBeNull()
  })

  test('a manager that is not there: an error for whoever waits, and the container goes on', async () => {
    const rootfs = sandbox.rootfs()
    const made = await sandbox.run(['sh', '-c', 'sockets send $NOTIFY_SOCKET READY=1; sleep 1000'], (spec) => { spec.root.path = rootfs }, {
      notify: { socket: '/nonexistent/manager' },
    })
    const error = await rejection(made.notified as Promise<boolean>)
    expect(error).toMatchObject({ code: 'ERR_HOST', errno: 'ENOENT', operand: '/nonexistent/manager' })
    expect((await made.state()).status).toBe('running')
  })
})
