/**
 * Bad input, through the library and through the command line: a clear error that names field or path, and nothing left.
 */
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../lib/index.ts'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { leavesNothing, snapshot } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

interface Case {
  readonly name: string
  readonly code: ErrorCode
  /** A part of the message, in runc's words where runc has some; `BUNDLE` stands for the bundle. */
  readonly message: string
  readonly field?: string
  readonly errno?: string
  /** Changes the spec, or what is written instead of it, or removes the file. */
  readonly change?: (spec: TestSpec) => void
  readonly text?: string
  readonly absent?: true
}

const cases: readonly Case[] = [
  { name: 'no config.json', absent: true, code: 'ERR_CONFIG_READ', message: 'config.json not found', errno: 'ENOENT' },
  { name: 'config.json that is not JSON', text: '{"ociVersion": "1.0.0",\n  "process": {]}', code: 'ERR_CONFIG_PARSE', message: 'config.json: 2:15: ' },
  { name: 'an empty config.json', text: '', code: 'ERR_CONFIG_PARSE', message: 'config.json: 1:1: ' },
  { name: 'config.json that is no object', text: '[1]', code: 'ERR_CONFIG_INVALID', message: 'must be an object, not an array', field: '' },
  {
    name: 'an unknown namespace type', code: 'ERR_CONFIG_INVALID', message: '"nosuch"', field: '/linux/namespaces/5/type',
    change: ({ linux }) => linux.namespaces.push({ type: 'nosuch' as 'pid' }),
  },
  {
    name: 'a namespace twice', code: 'ERR_CONFIG_INVALID', message: 'malformed spec file: duplicated ns "pid"', field: '/linux/namespaces/5/type',
    change: ({ linux }) => linux.namespaces.push({ type: 'pid' }),
  },
  {
    name: 'a namespace file that does not exist', code: 'ERR_HOST', message: '"/no/such/ns"', errno: 'ENOENT', field: '/linux/namespaces/1/path',
    change: ({ linux }) => { linux.namespaces[1]!.path = '/no/such/ns' },
  },
  {
    name: 'a namespace file of another type', code: 'ERR_HOST', message: '"/proc/self/ns/uts"', errno: 'EINVAL', field: '/linux/namespaces/1/path',
    change: ({ linux }) => { linux.namespaces[1]!.path = '/proc/self/ns/uts' },
  },
  {
    name: 'a root file system that does not exist', code: 'ERR_INIT', field: '/root/path', errno: 'ENOENT',
    message: 'invalid rootfs: stat BUNDLE/nowhere: no such file or directory', change: ({ root }) => { root.path = 'nowhere' },
  },
  {
    name: 'a root file system that is a file', code: 'ERR_INIT', field: '/root/path', errno: 'ENOTDIR', message: 'BUNDLE/config.json',
    change: ({ root }) => { root.path = 'config.json' },
  },
  {
    name: 'a command that is in no directory of PATH', code: 'ERR_PROGRAM', field: '/process/args/0', errno: 'ENOENT',
    message: 'exec: "nosuch": executable file not found in $PATH', change: ({ process }) => { process.args = ['nosuch'] },
  },
  {
    name: 'a command by a path that does not exist', code: 'ERR_PROGRAM', field: '/process/args/0', errno: 'ENOENT',
    message: 'exec: "/no/such": stat /no/such: no such file or directory', change: ({ process }) => { process.args = ['/no/such'] },
  },
  {
    name: 'a command that is not executable', code: 'ERR_PROGRAM', field: '/process/args/0', errno: 'EACCES',
    message: 'exec: "/etc/passwd": permission denied', change: ({ process }) => { process.args = ['/etc/passwd'] },
  },
  {
    name: 'a command that is a directory', code: 'ERR_PROGRAM', field: '/process/args/0', errno: 'EISDIR',
    message: 'exec: "/bin": is a directory', change: ({ process }) => { process.args = ['/bin'] },
  },
  {
    name: 'no command', code: 'ERR_CONFIG_INVALID', field: '/process/args', message: 'args must not be empty',
    change: ({ process }) => { process.args = [] },
  },
  {
    name: 'a working directory that is not absolute', code: 'ERR_CONFIG_INVALID', field: '/process/cwd', message: 'cwd must be an absolute path',
    change: ({ process }) => { process.cwd = 'here' },
  },
  {
    name: 'a working directory that is a file', code: 'ERR_INIT', field: '/process/cwd', message: '/etc/passwd', errno: 'ENOTDIR',
    change: ({ process }) => { process.cwd = '/etc/passwd' },
  },
  {
    name: 'a mount whose source does not exist', code: 'ERR_INIT', field: '/mounts/7', message: '/no/such/source', errno: 'ENOENT',
    change: ({ mounts }) => mounts.push({ destination: '/tmp', source: '/no/such/source', options: ['bind'] }),
  },
  {
    name: 'a mount of an unknown file system', code: 'ERR_INIT', field: '/mounts/7', message: 'cannot mount "/tmp"', errno: 'ENODEV',
    change: ({ mounts }) => mounts.push({ destination: '/tmp', type: 'nosuchfs', source: 'none' }),
  },
  {
    name: 'a mount with an option that its file system refuses', code: 'ERR_INIT', field: '/mounts/7', message: 'cannot mount "/tmp"', errno: 'EINVAL',
    change: ({ mounts }) => mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuchoption=1'] }),
  },
  {
    name: 'an unknown limit', code: 'ERR_CONFIG_INVALID', field: '/process/rlimits/1/type', message: 'wrong rlimit value: RLIMIT_NOSUCH',
    change: ({ process }) => process.rlimits?.push({ type: 'RLIMIT_NOSUCH', soft: 1, hard: 1 }),
  },
  {
    name: 'an unknown sysctl', code: 'ERR_INIT', field: '/linux/sysctl/net.nosuch.key', message: 'net/nosuch/key', errno: 'ENOENT',
    change: ({ linux }) => { linux.sysctl = { 'net.nosuch.key': '1' } },
  },
  {
    name: 'a sysctl of the host', code: 'ERR_CONFIG_INVALID', field: '/linux/sysctl/kernel.core_pattern', message: 'is not in a separate kernel namespace',
    change: ({ linux }) => { linux.sysctl = { 'kernel.core_pattern': 'x' } },
  },
  {
    name: 'something that is not supported', code: 'ERR_CONFIG_UNSUPPORTED', field: '/linux/intelRdt', message: '/linux/intelRdt',
    change: ({ linux }) => { linux.intelRdt = { closID: 'x' } },
  },
  {
    name: 'a NUL byte', code: 'ERR_CONFIG_INVALID', field: '/process/args/1', message: 'null byte',
    change: ({ process }) => process.args.push('a\0b'),
  },
]

describeWith([...container, 'cli'], 'bad input', () => {
  const sandbox = useSandbox()
  // What is loaded, opened and started on first use is there from now on.
  beforeAll(async () => { await sandbox.output(['true']) })

  test('the check for leftovers sees what a container is made of', async () => {
    const before = snapshot(sandbox)
    await sandbox.create(['true'])
    const after = snapshot(sandbox)
    for (const kind of ['processes', 'cgroups', 'descriptors', 'state'] as const) {
      expect(after[kind].length, kind).toBeGreaterThan(before[kind].length)
    }
  })

  describe.each(cases.map((one) => [one.name, one] as const))('%s', (_name, { code, message, field, errno, change, text, absent }) => {
    const write = () => {
      const made = sandbox.bundle(['true'], change)
      const config = join(made.bundle, 'config.json')
      if (absent) rmSync(config)
      if (text !== undefined) writeFileSync(config, text)
      return { ...made, message: message.replace('BUNDLE', made.bundle) }
    }

    test.each(['create', 'run'] as const)('%s() rejects, and leaves nothing', async (how) => {
      const { id, bundle, message: words } = write()
      const error = await leavesNothing(sandbox, () => rejection(sandbox.runtime[how]({ id, bundle, stdin: 'ignore' })))
      expect(error).toMatchObject({ code, field, ...(errno === undefined ? {} : { errno }) })
      expect(error.message).toContain(words)
      expect(error.message).not.toMatch(/\.$/)
    })

    test.each([['create'], ['run', '-d'], ['run']])('nrunc %s ends with 1, and leaves nothing', async (...words) => {
      const { id, bundle, message: expected } = write()
      const log = join(bundle, 'log.json')
      const global = ['--log', log, '--log-format', 'json']
      const result = await leavesNothing(sandbox, () => sandbox.nrunc([...global, ...words.filter(Boolean), '-b', bundle, id], { cwd: bundle }))
      expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 1, stdout: '' })
      expect(result.stderr).toContain(expected)
      const lines = readFileSync(log, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, string>)
      expect(lines).toEqual([{ level: 'error', msg: expect.stringContaining(expected), time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) }])
    })
  })

  describe('ids', () => {
    test.each(['', '.', '..', 'a/b', '../a', 'a b', 'ä', 'a\n', 'x'.repeat(256)])('%j is refused', async (id) => {
      const { bundle } = sandbox.bundle(['true'])
      const error = await leavesNothing(sandbox, () => rejection(sandbox.runtime.create({ id, bundle })))
      expect(error.code).toBe('ERR_ID_INVALID')
      const { code, stderr } = await leavesNothing(sandbox, () => sandbox.nrunc(['create', '-b', bundle, id]))
      expect([code, stderr]).toEqual([1, expect.stringMatching(/invalid container ID format|container id cannot be empty/)])
    })

    test.each(['a', '0', 'A.b_c+d-e', 'x'.repeat(200)])('%j is good', async (suffix) => {
      const { bundle } = sandbox.bundle(['true'])
      const id = `${sandbox.prefix}${suffix}`
      expect((await sandbox.nrunc(['create', '-b', bundle, id])).code).toBe(0)
      expect((await sandbox.nrunc(['delete', id])).code).toBe(0)
    })

    test('one that is taken is refused, and the container is as it was', async () => {
      const { id, bundle } = sandbox.bundle(['sleep', '1000'])
      const made = await sandbox.runtime.run({ id, bundle, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
      const error = await leavesNothing(sandbox, () => rejection(sandbox.runtime.run({ id, bundle })))
      expect([error.code, error.message]).toEqual(['ERR_ID_EXISTS', `container with given ID already exists: "${id}"`])
      const { code, stderr } = await leavesNothing(sandbox, () => sandbox.nrunc(['create', '-b', bundle, id]))
      expect([code, stderr]).toEqual([1, expect.stringContaining('container with given ID already exists')])
      expect((await made.state()).status).toBe('running')
      await made.delete({ force: true })
    })

    test.each(['state', 'start', 'kill', 'delete', 'ps'])('nrunc %s of one that does not exist', async (command) => {
      const { code, stdout, stderr } = await leavesNothing(sandbox, () => sandbox.nrunc([command, 'absent']))
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toContain('container \\"absent\\" does not exist')
    })

    test('load() of one that does not exist', async () => {
      const error = await rejection(sandbox.runtime.load('absent'))
      expect([error.code, error.message]).toEqual(['ERR_NOT_FOUND', 'container "absent" does not exist'])
    })
  })

  describe('states', () => {
    const make = async () => {
      const { id, bundle } = sandbox.bundle(['sleep', '1000'])
      return sandbox.runtime.create({ id, bundle, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
    }

    test('start of a running container, delete of a running one', async () => {
      const made = await make()
      await made.start()
      const started = await leavesNothing(sandbox, () => rejection(made.start()))
      expect([started.code, started.message]).toEqual(['ERR_STATUS', 'cannot start an already running container'])
      const deleted = await leavesNothing(sandbox, () => sandbox.nrunc(['delete', made.id]))
      expect([deleted.code, deleted.stderr]).toEqual([1, expect.stringContaining(`cannot delete container ${made.id} that is not stopped: running`)])
    })

    test('start, kill and exec of a stopped one', async () => {
      const made = await make()
      await made.start()
      await made.kill('KILL')
      await made.wait()
      const errors = await leavesNothing(sandbox, () =>
        Promise.all([rejection(made.start()), rejection(made.kill()), rejection(made.exec({ args: ['true'] }))]))
      expect(errors.map(({ code, message }) => [code, message])).toEqual([
        ['ERR_STATUS', 'cannot start a container that has stopped'], ['ERR_STATUS', 'container not running'],
        ['ERR_STATUS', 'cannot exec in a stopped container'],
      ])
      const killed = await sandbox.nrunc(['kill', made.id, 'KILL'])
      expect([killed.code, killed.stderr]).toEqual([1, expect.stringContaining('container not running')])
    })

    test('an unknown signal', async () => {
      const made = await make()
      const error = await rejection(made.kill('NOSUCH'))
      expect([error.code, error.message]).toEqual(['ERR_OPTION_INVALID', 'unknown signal "NOSUCH"'])
    })

    test('a damaged state.json is named', async () => {
      const made = await make()
      const path = join(sandbox.root, made.id, 'state.json')
      const good = readFileSync(path)
      writeFileSync(path, good.subarray(0, 50))
      const { code, stderr } = await sandbox.nrunc(['state', made.id])
      expect([code, stderr]).toEqual([1, expect.stringContaining(path)])
      writeFileSync(path, good)
    })
  })

  describe('options', () => {
    test.each([
      [{ nosuch: 1 }, 'unknown option "nosuch"'],
      [{ stdin: 'nosuch' }, 'stdin must be "pipe", "inherit", "ignore" or an open descriptor, not "nosuch"'],
      [{ stdout: 987 }, 'stdout must be "pipe", "inherit", "ignore" or an open descriptor, not 987'],
      [{ preserveFds: -1 }, 'preserveFds must be an integer from 0 to 900, not -1'],
      [{ preserveFds: 900 }, 'bad file descriptor'],
      [{ consoleSocket: '/nowhere' }, 'cannot use console socket if there is no terminal'],
    ])('%j', async (options, message) => {
      const { id, bundle } = sandbox.bundle(['true'])
      const error = await leavesNothing(sandbox, () => rejection(sandbox.runtime.run({ id, bundle, ...options } as never)))
      expect([error.code, error.message]).toEqual(['ERR_OPTION_INVALID', expect.stringContaining(message)])
    })

    test('a pid file that cannot be written: no container', async () => {
      const { id, bundle } = sandbox.bundle(['sleep', '1000'])
      const pidFile = join(sandbox.directory, 'no/such/pid')
      const error = await leavesNothing(sandbox, () => rejection(sandbox.runtime.run({ id, bundle, pidFile, stdin: 'ignore' })))
      expect([error.code, error.operand]).toEqual(['ERR_OPTION_INVALID', pidFile])
    })

    test('a state root that cannot be made', async () => {
      const file = join(sandbox.directory, 'file')
      writeFileSync(file, '')
      const { id, bundle } = sandbox.bundle(['true'])
      const { code, stderr } = await leavesNothing(sandbox, () => sandbox.nrunc(['--root', join(file, 'x'), 'create', '-b', bundle, id]))
      expect([code, stderr]).toEqual([1, expect.stringContaining(file)])
    })

    test('the root directory as state root', async () => {
      const { code, stderr } = await sandbox.nrunc(['--root', '/', 'list'])
      expect([code, stderr]).toEqual([1, expect.stringContaining('root')])
    })
  })

  test('a root file system that its user may not enter', async () => {
    const rootfs = sandbox.rootfs()
    chmodSync(rootfs, 0o700)
    const error = await leavesNothing(sandbox, () => rejection(sandbox.create(['/bin/true'], (spec) => {
      spec.root.path = rootfs
      spec.process.user.uid = 1000
    }, { id: sandbox.id() })))
    expect([error.code, error.errno, error.field?.startsWith('/process/')]).toEqual([expect.stringMatching(/ERR_PROGRAM|ERR_INIT/), 'EACCES', true])
  })

  test('everything that is wrong is told, the first in the message', async () => {
    const error = await rejection(sandbox.create(['true'], (spec) => {
      spec.process.cwd = 'here'
      spec.linux.namespaces.push({ type: 'pid' })
    }))
    expect(error.problems.map(({ field }) => field)).toEqual(['/process/cwd', '/linux/namespaces/5/type'])
    expect(error.message).toMatch(/\/process\/cwd.*and 1 more/)
  })
})
