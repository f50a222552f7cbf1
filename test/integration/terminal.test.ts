/**
 * `nrunc run` and `nrunc exec -t` in the foreground of a terminal.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { program } from '../helpers/cli.ts'
import { useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { lineDiscipline, Pty } from '../helpers/pty.ts'

describeWith([...container, 'cli', 'compiler'], 'a container in the foreground of a terminal', () => {
  const sandbox = useSandbox()
  const open: Pty[] = []
  afterEach(() => { for (const pty of open.splice(0)) pty.close() })

  const nruncWords = (...words: string[]) => [process.execPath, program, '--root', sandbox.root, ...words]
  const shell = (args: readonly string[] = ['sh']) => sandbox.bundle(args, ({ process }) => {
    process.terminal = true
    process.env.push('PS1=ready> ')
  })
  const start = (words: readonly string[]): Pty => {
    const pty = Pty.open(words)
    open.push(pty)
    return pty
  }
  const run = (args?: readonly string[]): Pty & { id: string } => {
    const { id, bundle } = shell(args)
    return Object.assign(start(nruncWords('run', '-b', bundle, id)), { id })
  }

  test('a shell: a prompt, what is typed is run, the exit code is the shell\'s', async () => {
    const pty = run()
    await pty.shows(/ready> /)
    pty.type('echo $((40 + 2))\r')
    await pty.shows(/\r\n42\r\n/)
    pty.type('exit 7\r')
    expect(await pty.ended).toBe(7)
  })

  test('the terminal is the container\'s own: stdio, /dev/console and the controlling terminal', async () => {
    const pty = run()
    await pty.shows(/ready> /)
    pty.type('readlink /proc/self/fd/0; stat -c "%F %t" /dev/console; ')
    pty.type('cat /proc/mounts | grep -c " /dev/console "; echo to tty > /dev/tty\r')
    await pty.shows(/\r\n\/dev\/pts\/0\r\ncharacter special file 88\r\n1\r\nto tty\r\n/)
    pty.type('probe\r')
    const [line] = await pty.shows(/\{"descriptors".*\}\r\n/)
    expect(JSON.parse(line)).toMatchObject({
      terminal: { foreground: true },
      descriptors: { 0: '/dev/pts/0', 1: '/dev/pts/0', 2: '/dev/pts/0' },
    })
    pty.type('exit\r')
    await pty.ended
  })

  test('the size of the window is the user\'s, and follows it', async () => {
    const pty = run()
    await pty.shows(/ready> /)
    pty.type('while :; do stty size; sleep 0.1; done\r')
    await pty.shows(/\n30 90\r\n/)
    pty.resize(41, 123)
    await pty.shows(/\n41 123\r\n/)
    pty.type('\x03exit\r')
    await pty.ended
  })

  test('raw mode while it runs, and the old one afterwards', async () => {
    const { id, bundle } = shell()
    const words = nruncWords('run', '-b', bundle, id).map((word) => `'${word}'`).join(' ')
    const [before, after] = [join(sandbox.directory, 'before'), join(sandbox.directory, 'after')]
    const pty = start([
      'sh',
      '-c',
      `stty -a > ${before}; ${words}; echo "code $?"; stty -a > ${after}; echo done; read answer`,
    ])
    await pty.shows(/ready> /)
    expect(lineDiscipline(await pty.modes())).toBe(0)
    pty.type('exit 3\r')
    await pty.shows(/code 3\r\ndone\r\n/)
    expect(lineDiscipline(await pty.modes())).not.toBe(0)
    expect(readFileSync(after, 'utf8')).toBe(readFileSync(before, 'utf8'))
    pty.type('\r')
    await pty.ended
  })

  test('the old mode is back, too, when the container is killed', async () => {
    const { id, bundle } = shell(['sleep', '1000'])
    const words = nruncWords('run', '-b', bundle, id).map((word) => `'${word}'`).join(' ')
    const pty = start(['sh', '-c', `${words}; echo "code $?"; read answer`])
    await expect.poll(async () => (await sandbox.nrunc(['state', id])).stdout).toContain('"running"')
    await sandbox.nrunc(['kill', id, 'KILL'])
    await pty.shows(/code 137\r\n/)
    expect(lineDiscipline(await pty.modes())).not.toBe(0)
    pty.type('\r')
    await pty.ended
  })

  test('Ctrl-C goes to the container\'s foreground process, not to nrunc', async () => {
    const pty = run()
    await pty.shows(/ready> /)
    pty.type('sh -c "echo waiting; exec sleep 1000"\r')
    await pty.shows(/\r\nwaiting\r\n/)
    pty.type('\x03')
    await pty.shows(/ready> /)
    pty.type('echo code $?\r')
    await pty.shows(/\r\ncode 130\r\n/)
    pty.type('exit\r')
    expect(await pty.ended).toBe(0)
  })

  test('lines end as the program ends them', async () => {
    const pty = run(['sh', '-c', 'printf "one\\ntwo\\r\\n"; stty -echo; read line; echo "got $line"'])
    await pty.shows(/^one\r\ntwo\r\r?\n/)
    pty.type('typed\r')
    await pty.shows(/got typed\r\n$/)
    expect(await pty.ended).toBe(0)
    expect(pty.screen).not.toContain('\r\r\n\r')
  })

  test('everything that was written is shown, also when the program ends at once', async () => {
    const pty = run(['seq', '1', '5000'])
    expect(await pty.ended).toBe(0)
    expect(pty.screen.split('\r\n').filter(Boolean)).toEqual(
      Array.from({ length: 5000 }, (_, index) => String(index + 1)),
    )
  })

  test('without a terminal of the user: input from a file, output to a file', async () => {
    const { id, bundle } = shell(['sh', '-c', 'read line; echo "got $line"'])
    const { code, stdout } = await sandbox.nrunc(['run', '-b', bundle, id], { input: 'typed\n' })
    expect(code).toBe(0)
    expect(stdout).toContain('got typed\n')
  })

  test('nothing is left of a container whose command line ended', async () => {
    const pty = run(['true'])
    expect(await pty.ended).toBe(0)
    expect((await sandbox.nrunc(['list', '-q'])).stdout).toBe('')
  })

  test('exec -t: a terminal of its own in a container that has none', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    await sandbox.nrunc(['run', '-d', '-b', bundle, id])
    const pty = start(nruncWords('exec', '-t', '-e', 'PS1=ready> ', id, 'sh'))
    await pty.shows(/ready> /)
    expect(lineDiscipline(await pty.modes())).toBe(0)
    pty.type('stty size; tty; echo $$ > /dev/tty\r')
    await pty.shows(/\r\n30 90\r\n\/dev\/pts\/0\r\n\d+\r\n/)
    pty.resize(20, 70)
    pty.type('sleep 0.2; stty size\r')
    await pty.shows(/\n20 70\r\n/)
    pty.type('cat /proc/1/cmdline\r')
    await pty.shows(/sleep\0?1000/)
    pty.type('exit 5\r')
    expect(await pty.ended).toBe(5)
  })

  test('consoleSize of the spec is the size where the user has no terminal', async () => {
    const { id, bundle } = shell(['stty', 'size'])
    const config = join(bundle, 'config.json')
    const spec = JSON.parse(readFileSync(config, 'utf8'))
    spec.process.consoleSize = { height: 17, width: 71 }
    writeFileSync(config, JSON.stringify(spec))
    expect((await sandbox.nrunc(['run', '-b', bundle, id])).stdout.trim()).toBe('17 71')
  })
})
