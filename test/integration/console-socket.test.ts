/**
 * Terminals that somebody else holds: the master goes through a console socket; and the library's own.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { parseProbe } from '../helpers/probe.ts'
import { Pty } from '../helpers/pty.ts'

describeWith([...container, 'cli', 'compiler'], 'a console socket', () => {
  const sandbox = useSandbox()
  const open: Pty[] = []
  afterEach(() => { for (const pty of open.splice(0)) pty.close() })
  let count = 0
  const listen = async () => {
    const path = join(sandbox.directory, `console-${++count}.sock`)
    const pty = await Pty.listen(path)
    open.push(pty)
    return { path, pty }
  }
  const shell = () => sandbox.bundle(['sh'], ({ process }) => {
    process.terminal = true
    process.env.push('PS1=ready> ')
  })

  test('create: one message with the name and the master, before the program runs', async () => {
    const { id, bundle } = shell()
    const { path, pty } = await listen()
    expect(await sandbox.nrunc(['create', '--console-socket', path, '-b', bundle, id])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
    const { name, bytes, descriptors } = await pty.received()
    expect([name, bytes, descriptors]).toEqual([expect.stringMatching(/^\/dev\/pts\/\d+$/), name.length, 1])
    pty.resize(33, 77)
    expect(await sandbox.nrunc(['start', id])).toEqual({ code: 0, stdout: '', stderr: '' })
    await pty.shows(/ready> /)
    pty.type('stty size; tty\r')
    await pty.shows(/\r\n33 77\r\n\/dev\/pts\/0\r\n/)
    pty.type('exit\r')
    expect(await pty.ended).toBe(0)
  })

  test('run --detach', async () => {
    const { id, bundle } = shell()
    const { path, pty } = await listen()
    expect(await sandbox.nrunc(['run', '-d', '--console-socket', path, '-b', bundle, id])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
    await pty.shows(/ready> /)
    pty.type('echo $((40 + 2)); exit\r')
    await pty.shows(/\r\n42\r\n/)
    await pty.ended
  })

  test('exec --detach --tty, as podman calls it', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    await sandbox.nrunc(['run', '-d', '-b', bundle, id])
    const { path, pty } = await listen()
    const words = ['exec', '--detach', '--tty', '--console-socket', path, '-e', 'PS1=ready> ', id, 'sh']
    expect(await sandbox.nrunc(words)).toEqual({ code: 0, stdout: '', stderr: '' })
    expect((await pty.received()).descriptors).toBe(1)
    await pty.shows(/ready> /)
    pty.type('tty; exit\r')
    await pty.shows(/\r\n\/dev\/pts\/0\r\n/)
    await pty.ended
  })

  test.each([
    [
      'create',
      'a terminal without a socket',
      true,
      [],
      'cannot allocate tty if nrunc will detach without setting console socket',
    ],
    [
      'create',
      'a socket without a terminal',
      false,
      ['--console-socket', '/nowhere'],
      'cannot use console socket if nrunc will not detach or allocate tty',
    ],
    [
      'run',
      'a socket in the foreground',
      true,
      ['--console-socket', '/nowhere'],
      'cannot use console socket if nrunc will not detach or allocate tty',
    ],
  ])('%s: %s is refused', async (command, _name, terminal, words, message) => {
    const { id, bundle } = sandbox.bundle(['true'], ({ process }) => {
      process.terminal = terminal
    })
    const { code, stdout, stderr } = await sandbox.nrunc([command, ...words, '-b', bundle, id])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(message)
    expect(existsSync(join(sandbox.root, id))).toBe(false)
  })

  test('a socket that nobody listens on is named', async () => {
    const { id, bundle } = shell()
    const { code, stderr } = await sandbox.nrunc([
      'create',
      '--console-socket',
      join(sandbox.directory, 'none.sock'),
      '-b',
      bundle,
      id,
    ])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/none\.sock.*ENOENT/)])
    expect(existsSync(join(sandbox.root, id))).toBe(false)
  })
})

describeWith([...container, 'compiler'], 'a terminal of the library', () => {
  const sandbox = useSandbox()
  const collect = (from: AsyncIterable<Buffer>) => {
    const seen = { text: '' }
    const done = (async () => { for await (const piece of from) seen.text += piece.toString() })()
    return { seen, done }
  }

  test('is a stream: what is written is typed, what is read is shown, and it ends with the container', async () => {
    const made = await sandbox.run(['sh'], ({ process }) => { process.terminal = true })
    expect([made.stdin, made.stdout, made.stderr]).toEqual([null, null, null])
    const { seen, done } = collect(made.terminal!)
    made.terminal!.write('echo $((40 + 2)); exit 4\r')
    expect(await made.wait()).toMatchObject({ code: 4, signal: null })
    await done
    expect(seen.text).toContain('\r\n42\r\n')
  })

  test('resize() is what the container sees', async () => {
    const made = await sandbox.run(['sh', '-c', 'read line; stty size'], ({ process }) => {
      process.terminal = true
      process.consoleSize = { height: 10, width: 20 }
    })
    const { seen, done } = collect(made.terminal!)
    made.terminal!.resize({ rows: 31, columns: 91 })
    made.terminal!.write('\r')
    await made.wait()
    await done
    expect(seen.text).toContain('31 91')
  })

  test.each([0, 1, 2, 3])('is all three streams, with whatever numbers init has its mounts open: %i more of them', async (more) => {
    const made = await sandbox.run(['ls', '-l', '/proc/self/fd'], ({ process, linux, mounts }) => {
      process.terminal = true
      linux.maskedPaths = linux.readonlyPaths = []
      for (let at = 0; at < more; at++) mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' })
    })
    const { seen, done } = collect(made.terminal!)
    await made.wait()
    await done
    expect(seen.text.match(/\d+ -> \/dev\/pts\/0/g)).toEqual([0, 1, 2].map((fd) => `${fd} -> /dev/pts/0`))
  })

  test('exec has one of its own', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const added = await made.exec({ args: ['probe'], terminal: true })
    const { seen, done } = collect(added.terminal!)
    expect((await added.wait()).code).toBe(0)
    await done
    expect(parseProbe(seen.text)).toMatchObject({ terminal: { foreground: true }, descriptors: { 0: '/dev/pts/0' } })
  })

  test('output that is read late is whole', async () => {
    const made = await sandbox.run(['seq', '1', '500'], ({ process }) => { process.terminal = true })
    await made.wait()
    const { seen, done } = collect(made.terminal!)
    await done
    expect(seen.text.split('\r\n').filter(Boolean)).toHaveLength(500)
  })

  test('streams cannot be asked for beside a terminal', async () => {
    const error = await rejection(
      sandbox.create(
        ['true'],
        ({ process }) => {
          process.terminal = true
        },
        { stdin: 'pipe' },
      ),
    )
    expect([error.code, error.message]).toEqual(['ERR_OPTION_INVALID', 'stdin cannot be used together with a terminal'])
  })
})
