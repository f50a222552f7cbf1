/**
 * Bad ids, calls that the status of a container does not allow, bad options: a clear error, and nothing left.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { StateFile } from '../../lib/state/file.ts'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith([...container, 'cli'], 'bad calls', () => {
  const sandbox = useSandbox()
  // What is loaded, opened and started on first use is there from now on.
  beforeAll(async () => { await sandbox.output(['true']) })

  describe('ids', () => {
    test.each(['', '.', '..', 'a/b', '../a', 'a b', 'ä', 'a\n', 'x'.repeat(256)])('%j is refused', async (id) => {
      const { bundle } = sandbox.bundle(['true'])
      const error = await leavesNothing(sandbox, () => rejection(sandbox.runtime.create({ id, bundle })))
      expect(error.code).toBe('ERR_ID_INVALID')
      const { code, stderr } = await leavesNothing(sandbox, () => sandbox.nrunc(['create', '-b', bundle, id]))
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(/invalid container ID format|container id cannot be empty/),
      ])
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
      expect([deleted.code, deleted.stderr]).toEqual([
        1,
        expect.stringContaining(`cannot delete container ${made.id} that is not stopped: running`),
      ])
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
      [{ terminalSize: { rows: 1, columns: 2 } }, 'terminalSize cannot be used without a terminal'],
      [{ keepLineFeeds: true }, 'keepLineFeeds cannot be used without a terminal'],
    ])('%j', async (options, message) => {
      const { id, bundle } = sandbox.bundle(['true'])
      const error = await leavesNothing(sandbox, () =>
        rejection(sandbox.runtime.run({ id, bundle, ...options } as never)),
      )
      expect([error.code, error.message]).toEqual(['ERR_OPTION_INVALID', expect.stringContaining(message)])
    })

    test('a pid file that cannot be written: no container', async () => {
      const { id, bundle } = sandbox.bundle(['sleep', '1000'])
      const pidFile = join(sandbox.directory, 'no/such/pid')
      const error = await leavesNothing(sandbox, () =>
        rejection(sandbox.runtime.run({ id, bundle, pidFile, stdin: 'ignore' })),
      )
      expect([error.code, error.operand]).toEqual(['ERR_OPTION_INVALID', pidFile])
    })

    test('a program that is none: no pid file stays, whose pid would be another process\'s', async () => {
      const rootfs = sandbox.rootfs()
      writeFileSync(join(rootfs, 'garbage'), 'no program', { mode: 0o755 })
      const pidFile = join(sandbox.directory, 'garbage.pid')
      const inside = ({ root }: TestSpec): void => { root.path = rootfs }
      const [run, made] = [rejection(sandbox.run(['/garbage'], inside, { pidFile })), await sandbox.run(['sleep', '1000'], inside)]
      expect((await run).errno).toBe('ENOEXEC')
      expect(existsSync(pidFile)).toBe(false)
      expect((await rejection(made.exec({ args: ['/garbage'], pidFile }))).errno).toBe('ENOEXEC')
      expect(existsSync(pidFile)).toBe(false)
    })

    test('a config that is refused while the host is at work: the cgroup, which is another container\'s, stays as it is', async () => {
      const other = await sandbox.run(['sleep', '1000'])
      const { cgroup_paths: paths, config } = JSON.parse(readFileSync(join(sandbox.root, other.id, 'state.json'), 'utf8')) as StateFile
      const inner = join(Object.values(paths)[0]!, 'inner')
      mkdirSync(inner)
      const error = await rejection(sandbox.run(['true'], ({ linux }) => {
        linux.cgroupsPath = config.linux!.cgroupsPath
        linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'mount')
        linux.maskedPaths = linux.readonlyPaths = []
      }))
      expect(error.message).toContain('needs a mount namespace')
      expect(existsSync(inner)).toBe(true)
      rmdirSync(inner)
    })

    test('a state root that cannot be made', async () => {
      const file = join(sandbox.directory, 'file')
      writeFileSync(file, '')
      const { id, bundle } = sandbox.bundle(['true'])
      const { code, stderr } = await leavesNothing(sandbox, () =>
        sandbox.nrunc(['--root', join(file, 'x'), 'create', '-b', bundle, id]),
      )
      expect([code, stderr]).toEqual([1, expect.stringContaining(file)])
    })

    test('the root directory as state root', async () => {
      const { code, stderr } = await sandbox.nrunc(['--root', '/', 'list'])
      expect([code, stderr]).toEqual([1, expect.stringContaining('root')])
    })
  })
})
