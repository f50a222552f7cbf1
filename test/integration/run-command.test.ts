/**
 * `nrunc create`, `nrunc run` and the rest of the command line, beyond what the tutorials show.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import type { State } from '../../lib/index.ts'
import { program, userEnvironment } from '../helpers/cli.ts'
import { testCgroups } from '../helpers/cgroup.ts'
import { useSandbox } from '../helpers/containers.ts'
import { isRunning, until } from '../helpers/host.ts'
import { parseMountTable } from '../helpers/mountinfo.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { parseProbe } from '../helpers/probe.ts'

const quiet = { code: 0, stdout: '', stderr: '' }

describeWith([...container, 'cli', 'compiler'], 'nrunc run', () => {
  const sandbox = useSandbox()
  const stateOf = async (id: string) => JSON.parse((await sandbox.nrunc(['state', id])).stdout) as State

  test('streams and exit code are the container\'s, and nothing is left', async () => {
    const { id, bundle } = sandbox.bundle(['sh', '-c', 'cat; echo err >&2; exit 7'])
    expect(await sandbox.nrunc(['run', '-b', bundle, id], { input: 'in' })).toEqual({
      code: 7,
      stdout: 'in',
      stderr: 'err\n',
    })
    expect([(await sandbox.nrunc(['list', '-q'])).stdout, testCgroups(id)]).toEqual(['', []])
  })

  test('128 and the signal, when a signal ended it', async () => {
    const { id, bundle } = sandbox.bundle(['sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?'])
    expect((await sandbox.nrunc(['run', '-b', bundle, id])).code).toBe(137)
    const other = sandbox.bundle(['sleep', '1000'])
    const running = sandbox.nrunc(['run', '-b', other.bundle, other.id])
    await until(async () => (await sandbox.nrunc(['state', other.id])).stdout.includes('"running"'))
    expect(await sandbox.nrunc(['kill', other.id, '9'])).toEqual(quiet)
    expect((await running).code).toBe(137)
  })

  test('the bundle is the working directory, or a relative --bundle', async () => {
    const { id, bundle } = sandbox.bundle(['echo', 'here'])
    expect((await sandbox.nrunc(['run', id], { cwd: bundle })).stdout).toBe('here\n')
    expect((await sandbox.nrunc(['run', '--bundle', relative('/tmp', bundle), id], { cwd: '/tmp' })).stdout).toBe(
      'here\n',
    )
  })

  test('flags in Go\'s forms: one dash, =, and after the id', async () => {
    const { id, bundle } = sandbox.bundle(['echo', 'here'])
    expect((await sandbox.nrunc(['run', `-bundle=${bundle}`, id])).stdout).toBe('here\n')
    expect((await sandbox.nrunc(['run', id, '--bundle', bundle])).stdout).toBe('here\n')
  })

  test('--keep leaves the stopped container', async () => {
    const { id, bundle } = sandbox.bundle(['true'])
    expect(await sandbox.nrunc(['run', '--keep', '-b', bundle, id])).toEqual(quiet)
    expect(await stateOf(id)).toMatchObject({ status: 'stopped', pid: 0 })
    expect(await sandbox.nrunc(['delete', id])).toEqual(quiet)
  })

  test('--detach and --pid-file', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    const pidFile = join(sandbox.directory, 'pid')
    expect(await sandbox.nrunc(['run', '--detach', '--pid-file', pidFile, '-b', bundle, id])).toEqual(quiet)
    const { pid } = await stateOf(id)
    expect(readFileSync(pidFile, 'utf8')).toBe(String(pid))
    expect(isRunning(pid)).toBe(true)
  })

  test('create --pid-file, relative to the working directory', async () => {
    const { id, bundle } = sandbox.bundle(['true'])
    expect(
      await sandbox.nrunc(['create', '--pid-file', 'created.pid', '-b', bundle, id], { cwd: sandbox.directory }),
    ).toEqual(quiet)
    expect(Number(readFileSync(join(sandbox.directory, 'created.pid'), 'utf8'))).toBe((await stateOf(id)).pid)
  })

  test('--preserve-fds passes descriptors on, and only those', async () => {
    const files = ['/etc/hostname', '/etc/passwd', '/etc/group'].map((path) => openSync(path, 'r'))
    const { id, bundle } = sandbox.bundle(['probe'])
    const { stdout } = await sandbox.nrunc(['run', '--preserve-fds', '2', '-b', bundle, id], { descriptors: files })
    files.forEach((file) => closeSync(file))
    const { descriptors } = parseProbe(stdout)
    expect(Object.keys(descriptors)).toEqual(['0', '1', '2', '3', '4'])
    expect([descriptors['3'], descriptors['4']]).toEqual([
      expect.stringMatching(/hostname$/),
      expect.stringMatching(/passwd$/),
    ])
  })

  test('--preserve-fds of one that is not open', async () => {
    const { id, bundle } = sandbox.bundle(['true'])
    const { code, stderr } = await sandbox.nrunc(['create', '--preserve-fds', '20', '-b', bundle, id])
    expect([code, stderr]).toEqual([1, expect.stringContaining('bad file descriptor')])
  })

  test('--no-pivot: the same container by another way', async () => {
    const { id, bundle } = sandbox.bundle(['sh', '-c', 'hostname; cat /proc/self/mountinfo'])
    const { code, stdout } = await sandbox.nrunc(['run', '--no-pivot', '-b', bundle, id])
    expect([code, stdout.split('\n')[0]]).toEqual([0, 'runc'])
    expect(parseMountTable(stdout.slice(5)).map(({ path }) => path)).toEqual(
      expect.arrayContaining(['/', '/proc', '/dev']),
    )
  })

  test('--no-new-keyring', async () => {
    const { id, bundle } = sandbox.bundle(['probe'])
    const keyring = async (...words: string[]) =>
      parseProbe((await sandbox.nrunc(['run', ...words, '-b', bundle, id])).stdout).keyring
    expect(await keyring()).toMatch(new RegExp(`;_ses\\.${id}$`))
    expect(await keyring('--no-new-keyring')).not.toContain(id)
  })

  test('signals to the command in the foreground are the container\'s', async () => {
    const { id, bundle } = sandbox.bundle(['probe', 'catch', '15', '12'])
    const child = spawn(process.execPath, [program, '--root', sandbox.root, 'run', '-b', bundle, id], {
      env: userEnvironment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise((resolve) => child.on('exit', resolve))
    let seen = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => { seen += text })
    await until(() => seen.includes('ready\n'))
    child.kill('SIGTERM')
    await until(() => seen.includes('signal 15\n'))
    child.kill('SIGUSR2')
    await until(() => seen.includes('signal 12\n'))
    await sandbox.nrunc(['kill', id, 'KILL'])
    expect(await ended).toBe(137)
  })

  test('a closed standard input, output and error', async () => {
    const { id, bundle } = sandbox.bundle(['sh', '-c', 'echo out; echo err >&2; exit 5'])
    const words = [process.execPath, program, '--root', sandbox.root, 'run', '-b', bundle, id]
      .map((word) => `'${word}'`)
      .join(' ')
    const child = spawn('sh', ['-c', `${words} <&- >&- 2>&-; echo $?`], {
      env: userEnvironment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let seen = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => { seen += text })
    await new Promise((resolve) => child.on('close', resolve))
    expect(seen).toMatch(/^[15]\n$/)
    expect((await sandbox.nrunc(['list', '-q'])).stdout).toBe('')
  })

  test('create closes everything above the standard streams before it returns', async () => {
    const file = openSync('/etc/hostname', 'r')
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    expect(await sandbox.nrunc(['create', '-b', bundle, id], { descriptors: [file, file] })).toEqual(quiet)
    closeSync(file)
    const { pid } = await stateOf(id)
    const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
    expect(targets.filter((target) => target.includes('hostname'))).toEqual([])
  })
})

describeWith(['cli'], 'nrunc', () => {
  const sandbox = useSandbox()

  test('--version: what dockerd reads', async () => {
    const { code, stdout, stderr } = await sandbox.nrunc(['--version'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^nrunc version \d+\.\d+\.\d+\S*\ncommit: \S+\nspec: 1\.\d+\.\d+/)
  })

  test('help of the program and of every command', async () => {
    const { code, stdout } = await sandbox.nrunc(['help'])
    expect(code).toBe(0)
    for (const command of ['create', 'start', 'run', 'state', 'list', 'kill', 'delete', 'exec', 'ps', 'spec']) {
      expect(stdout).toContain(`  ${command} `)
      expect(await sandbox.nrunc([command, '--help']), command).toMatchObject({ code: 0, stderr: '' })
    }
  })

  test.each([
    [['nosuch'], 3, 'No help topic for \'nosuch\''],
    [['run', '--nosuch', 'x'], 1, 'flag provided but not defined: -nosuch'],
    [['run'], 1, '\\"run\\" requires'],
    [['state'], 1, '\\"state\\" requires'],
    [['kill', 'a', 'b', 'c'], 1, '\\"kill\\" requires'],
    [['list', '--format', 'xml'], 1, 'invalid format option'],
    [['--log-format', 'xml', 'list'], 1, 'invalid log-format: xml'],
  ])('a wrong command line: %j', async (words, code, message) => {
    const result = await sandbox.nrunc(words)
    expect([result.code, `${result.stdout}${result.stderr}`]).toEqual([code, expect.stringContaining(message)])
  })

  test('--debug writes more to the log, in the format that was asked for', async () => {
    const log = join(sandbox.directory, 'log')
    await sandbox.nrunc(['--debug', '--log', log, '--log-format', 'json', 'list'])
    const lines = readFileSync(log, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { level: string })
    expect(lines.map(({ level }) => level)).toContain('debug')
  })

  test('a log is appended to', async () => {
    const log = join(sandbox.directory, 'appended')
    writeFileSync(log, 'first\n')
    await sandbox.nrunc(['--log', log, 'state', 'absent'])
    expect(readFileSync(log, 'utf8')).toMatch(/^first\ntime="[^"]+" level=error msg=/)
  })
})
