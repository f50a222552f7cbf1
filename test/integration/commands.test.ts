/**
 * What clients of other runtimes rely on: flags of kill and delete, formats byte for byte, words in the log, and a
 * missing environment.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { program, runProgram } from '../helpers/cli.ts'
import { useSandbox } from '../helpers/containers.ts'
import { until } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'

const quiet = { code: 0, stdout: '', stderr: '' }

describeWith([...container, 'cli'], 'nrunc, as runc is called', () => {
  const sandbox = useSandbox()
  const stateOf = async (id: string) => JSON.parse((await sandbox.nrunc(['state', id])).stdout) as Record<string, unknown>
  const run = async (...args: readonly string[]) => {
    const { id, bundle } = sandbox.bundle(args)
    expect(await sandbox.nrunc(['run', '-d', '-b', bundle, id])).toEqual(quiet)
    return { id, bundle }
  }
  const isStopped = (id: string) => until(async () => (await stateOf(id))['status'] === 'stopped')

  test('run --config: another file than config.json, from the working directory on', async () => {
    const { id, bundle } = sandbox.bundle(['echo', 'one'])
    const spec = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as { process: { args: string[] } }
    spec.process.args = ['echo', 'two']
    writeFileSync(join(sandbox.directory, 'other.json'), JSON.stringify(spec))
    const result = await sandbox.nrunc(['run', '--config', 'other.json', '-b', bundle, id], { cwd: sandbox.directory })
    expect(result).toEqual({ ...quiet, stdout: 'two\n' })
  })

  test('kill --all of a container whose init has ended, as ctr calls it', async () => {
    const { id } = await run('true')
    await isStopped(id)
    expect(await sandbox.nrunc(['kill', id, '9'])).toMatchObject({ code: 1, stderr: expect.stringContaining('container not running') })
    expect(await sandbox.nrunc(['kill', '--all', id, '9'])).toEqual(quiet)
  })

  test('kill --regex and delete --regex', async () => {
    const made = [await run('sleep', '1000'), await run('sleep', '1000')].map(({ id }) => id)
    const other = await run('sleep', '1000')
    const pattern = `^(${made.join('|')})$`
    expect(await sandbox.nrunc(['kill', '--regex', pattern, 'KILL'])).toEqual(quiet)
    for (const id of made) await isStopped(id)
    expect(await sandbox.nrunc(['delete', '--regex', pattern])).toEqual(quiet)
    expect((await sandbox.nrunc(['list', '-q'])).stdout).toBe(`${other.id}\n`)
    const refused = await sandbox.nrunc(['delete', '-r', '.'])
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('is not stopped: running')])
    expect(await sandbox.nrunc(['delete', '--regex', '--force', '.'])).toEqual(quiet)
    expect((await sandbox.nrunc(['list', '-q'])).stdout).toBe('')
  })

  test('list: the table, the line of JSON, the ids', async () => {
    const { id, bundle } = await run('sleep', '1000')
    const { pid, created } = await stateOf(id) as { pid: number; created: string }
    const cells = [['ID', id], ['PID', String(pid)], ['STATUS', 'running'], ['BUNDLE', bundle], ['CREATED', created]] as const
    const line = (row: 0 | 1, owner: string) =>
      cells.map((column) => column[row].padEnd(Math.max(12, ...column.map((cell) => cell.length + 3)))).join('') + owner
    expect((await sandbox.nrunc(['list'])).stdout).toBe(`${line(0, 'OWNER')}\n${line(1, 'root')}\n`)
    const json = (await sandbox.nrunc(['list', '--format', 'json'])).stdout
    expect(JSON.parse(json)).toEqual([await stateOf(id)])
    expect(Object.keys((JSON.parse(json) as object[])[0] as object)).toEqual([
      'ociVersion', 'id', 'pid', 'status', 'bundle', 'rootfs', 'created', 'owner',
    ])
    expect(json).toMatch(/^\[\{"ociVersion":.*\}\]\n$/)
    expect((await sandbox.nrunc(['list', '--quiet'])).stdout).toBe(`${id}\n`)
  })

  test('ps: the lines of ps(1), with its options, or the pids', async () => {
    const { id } = await run('sleep', '1000')
    const { pid } = await stateOf(id) as { pid: number }
    expect((await sandbox.nrunc(['ps', '--format', 'json', id])).stdout).toBe(`[${pid}]\n`)
    expect((await sandbox.nrunc(['ps', id])).stdout).toMatch(new RegExp(`^UID +PID .*\n\\S+ +${pid} .*sleep 1000\n$`))
    expect((await sandbox.nrunc(['ps', id, '-o', 'comm,pid'])).stdout).toMatch(new RegExp(`^COMMAND +PID\nsleep +${pid}\n$`))
    expect(await sandbox.nrunc(['ps', id, '-o', 'comm'])).toMatchObject({
      code: 1, stdout: '', stderr: expect.stringContaining("couldn't find PID field in ps output"),
    })
  })

  test('--log with --log-format json: one object for a failure, its message on the standard error, nothing without one', async () => {
    const log = join(sandbox.directory, 'json.log')
    const global = ['--log-format=json', '--log', log]
    expect(await sandbox.nrunc([...global, 'list', '-q'])).toEqual(quiet)
    expect(readFileSync(log, 'utf8')).toBe('')
    const { id, bundle } = sandbox.bundle(['/no/such'])
    const message = 'nrunc create failed: exec: "/no/such": stat /no/such: no such file or directory'
    expect(await sandbox.nrunc([...global, 'create', '-b', bundle, id])).toEqual({ code: 1, stdout: '', stderr: `${message}\n` })
    // podman takes the whole file for one object
    expect(JSON.parse(readFileSync(log, 'utf8'))).toEqual({
      level: 'error', msg: message, time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    })
  })

  test('--log-level', async () => {
    const log = join(sandbox.directory, 'level.log')
    await sandbox.nrunc(['--log', log, '--log-level', 'debug', 'state', 'absent'])
    expect(readFileSync(log, 'utf8').match(/level=\w+/g)).toEqual(['level=debug', 'level=debug', 'level=error'])
  })

  test('without any variable, and with an empty XDG_RUNTIME_DIR', async () => {
    const { id, bundle } = sandbox.bundle(['true'])
    const bare = (...words: readonly string[]) =>
      runProgram(['env', '-i', 'XDG_RUNTIME_DIR=', process.execPath, program, '--root', sandbox.root, ...words])
    expect(await bare('create', '-b', bundle, id)).toEqual(quiet)
    expect(await bare('start', id)).toEqual(quiet)
    await isStopped(id)
    expect(await bare('delete', '--force', id)).toEqual(quiet)
    expect(await bare('ps', id)).toMatchObject({ code: 1 })
    expect(existsSync(join(sandbox.root, id))).toBe(false)
  })

  test('from a directory that is gone', async () => {
    const { id, bundle } = sandbox.bundle(['pwd'])
    const gone = join(sandbox.directory, 'gone')
    const lost = (...words: readonly string[]) => {
      mkdirSync(gone, { recursive: true })
      return runProgram(['sh', '-c', 'rmdir "$PWD" && exec "$@"', 'sh', process.execPath, program, '--root', sandbox.root, ...words], { cwd: gone })
    }
    expect(await lost('run', '-b', bundle, id)).toEqual({ ...quiet, stdout: '/\n' })
    expect(await lost('list', '-q')).toEqual(quiet)
    expect(await lost('run', id)).toMatchObject({ code: 1, stderr: expect.stringContaining('ENOENT') })
    expect(() => rmdirSync(gone)).toThrow('ENOENT')
  })

  test('features: indented by four spaces, with a newline at the end', async () => {
    const { code, stdout } = await sandbox.nrunc(['features'])
    expect([code, stdout.startsWith('{\n    "ociVersionMin": "1.0.0",\n'), stdout.endsWith('\n}\n')]).toEqual([0, true, true])
    expect(Object.keys(JSON.parse(stdout) as object)).toContain('linux')
  })
})
