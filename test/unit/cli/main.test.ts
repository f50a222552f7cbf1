import { beforeEach, describe, expect, test, vi } from 'vitest'
import { main } from '../../../lib/cli/main.ts'
import { NruncError } from '../../../lib/errors.ts'

const output = { stdout: '', stderr: '' }
const container = { id: 'a', start: vi.fn(), kill: vi.fn(), delete: vi.fn(), state: vi.fn(), processes: vi.fn() }
const runtime = { load: vi.fn(), list: vi.fn(), delete: vi.fn() }
const openRuntime = vi.fn()

vi.mock('../../../lib/cli/output.ts', () => ({
  print: (text: string) => {
    output.stdout += text
  },
  writeAll: (fd: number, text: string) => {
    output[fd === 1 ? 'stdout' : 'stderr'] += text
  },
}))
vi.mock('../../../lib/cli/runtime.ts', () => ({ openRuntime: (call: unknown) => openRuntime(call), leaveProcesses: async () => {} }))

const absent = new NruncError('ERR_NOT_FOUND', 'container "a" does not exist')

beforeEach(() => {
  vi.resetAllMocks()
  Object.assign(output, { stdout: '', stderr: '' })
  openRuntime.mockResolvedValue(runtime)
  runtime.load.mockResolvedValue(container)
})

const call = async (line: string) => ({ code: await main(line.split(' ').filter(Boolean)), ...output })
const message = (text: string) => expect.stringMatching(new RegExp(`^time="[^"]+" level=error msg="${text}"\n$`))

describe('what needs no library', () => {
  test.each(['--version', '-v', '-version'])('%s', async (line) => {
    const result = await call(line)
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(result.stdout).toMatch(/^nrunc version \d+\.\d+\.\d+\ncommit: \w+\nspec: 1\.3\.0\nnode: v\d.*\n$/)
  })

  test.each(['', 'help', 'h', '--help', '-h', '--debug help'])('help of the program: %j', async (line) => {
    const result = await call(line)
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(result.stdout).toMatch(/^NAME:\n {3}nrunc - .*\n\nUSAGE:\n {3}nrunc \[global options\] command \[command options\] \[arguments\.\.\.\]\n\nVERSION:\n {3}\d/)
    for (const name of ['create', 'delete', 'exec', 'help', 'kill', 'list', 'ps', 'run', 'spec', 'start', 'state']) {
      expect(result.stdout).toMatch(new RegExp(`^ {3}${name}[ ,]`, 'm'))
    }
  })

  test.each(['help run', 'run --help', 'run -h', 'run -help a b', '--debug=false run -h'])('%s', async (line) => {
    const result = await call(line)
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(result.stdout).toMatch(/^NAME:\n {3}nrunc run - .*\n\nUSAGE:\n {3}nrunc run \[command options\] <container-id>\n\nOPTIONS:\n {3}--bundle DIR, -b DIR  /)
  })

  test.each(['nosuch', 'help nosuch', 'toString'])('%s is no help topic', async (line) => {
    expect(await call(line)).toEqual({ code: 3, stdout: '', stderr: message("No help topic for '\\w+'") })
  })
})

describe('a wrong command line', () => {
  test.each([
    ['--foo', 'Incorrect Usage. ', 'flag provided but not defined: -foo'],
    ['--log', 'Incorrect Usage. ', 'flag needs an argument: -log'],
    ['--systemd-log list', 'Incorrect Usage. ', 'flag provided but not defined: -systemd-log'],
    ['run --foo a', 'Incorrect Usage: ', 'flag provided but not defined: -foo'],
    ['run --criu x a', 'Incorrect Usage: ', 'flag provided but not defined: -criu'],
    ['exec --no-subreaper a ls', 'Incorrect Usage: ', 'flag provided but not defined: -no-subreaper'],
    ['state --root /x a', 'Incorrect Usage: ', 'flag provided but not defined: -root'],
  ])('%s', async (line, heading, text) => {
    const result = await call(line)
    expect(result).toMatchObject({ code: 1, stderr: message(text) })
    expect(result.stdout.startsWith(`${heading}${text}\n\nNAME:\n   nrunc`)).toBe(true)
    expect(openRuntime).not.toHaveBeenCalled()
  })

  test.each([
    ['run', 'exactly 1'],
    ['run a b', 'exactly 1'],
    ['exec', 'a minimum of 1'],
    ['kill a 9 9', 'a maximum of 2'],
    ['spec extra', 'exactly 0'],
  ])('%s', async (line, rule) => {
    const name = line.split(' ')[0]
    const result = await call(line)
    const text = `nrunc: \\\\"${name}\\\\" requires ${rule} argument\\(s\\)`
    expect(result).toMatchObject({ code: 1, stderr: message(text) })
    expect(result.stdout.startsWith(`Incorrect Usage.\n\nNAME:\n   nrunc ${name} - `)).toBe(true)
    expect(openRuntime).not.toHaveBeenCalled()
  })

  test.each([
    ['--log-format xml list', 'invalid log-format: xml'],
    ['--log-level loud list', 'invalid log-level: loud'],
    ['list -f xml', 'invalid format option'],
    ['ps -f xml a', 'invalid format option'],
  ])('%s', async (line, text) => {
    expect(await call(line)).toEqual({ code: 1, stdout: '', stderr: message(text) })
  })
})

describe('a command', () => {
  test('gets the root, and prints nothing when it succeeds', async () => {
    expect(await call('--root /x start a')).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(openRuntime).toHaveBeenCalledWith(expect.objectContaining({ settings: expect.objectContaining({ root: '/x' }) }))
    expect(runtime.load).toHaveBeenCalledWith('a')
    expect(container.start).toHaveBeenCalledOnce()
  })

  test('fails with 1, exec with 255', async () => {
    runtime.load.mockRejectedValue(absent)
    const text = 'container \\\\"a\\\\" does not exist'
    expect(await call('state a')).toEqual({ code: 1, stdout: '', stderr: message(text) })
    output.stderr = ''
    expect(await call('exec a ls')).toEqual({ code: 255, stdout: '', stderr: message(`exec failed: ${text}`) })
  })

  test.each(['--debug', '--log-level debug', '--log-level error --debug'])('tells more with %s', async (flag) => {
    runtime.load.mockRejectedValue(absent)
    const { stderr } = await call(`${flag} state a`)
    expect(stderr).toMatch(/level=debug msg="nrunc \d+\.\d+\.\d+: \S.* state a"\n/)
    expect(stderr).toMatch(/level=debug msg=.*ERR_NOT_FOUND.*\n.*level=error/)
  })

  test('state: two spaces, no newline', async () => {
    container.state.mockResolvedValue({ id: 'a', pid: 1 })
    expect(await call('state a')).toEqual({ code: 0, stdout: '{\n  "id": "a",\n  "pid": 1\n}', stderr: '' })
  })
})

test('a warning of the library goes to the log', async () => {
  container.start.mockImplementation(async () => process.emitWarning('the poststop hook failed'))
  expect(await call('start a')).toMatchObject({ code: 0, stdout: '' })
  await new Promise(setImmediate)
  expect(output.stderr).toMatch(/^time=\S+ level=warning msg="the poststop hook failed"\n$/)
})

describe('kill', () => {
  test.each([
    ['kill a', 'SIGTERM'],
    ['kill a 9', '9'],
    ['kill a hup', 'hup'],
    ['kill --all a 9', '9'],
    ['kill a KILL -a', 'KILL'],
  ])('%s', async (line, signal) => {
    expect(await call(line)).toMatchObject({ code: 0, stdout: '' })
    expect(container.kill).toHaveBeenCalledExactlyOnceWith(signal)
  })

  test('--all turns "not running" into success, and nothing else', async () => {
    container.kill.mockRejectedValue(new NruncError('ERR_STATUS', 'container not running'))
    expect(await call('kill a')).toMatchObject({ code: 1, stderr: message('container not running') })
    expect(await call('kill --all a')).toMatchObject({ code: 0 })
    container.kill.mockRejectedValue(new NruncError('ERR_SIGNAL', 'process already finished', { errno: 'ESRCH' }))
    expect(await call('kill --all a')).toMatchObject({ code: 0 })
    container.kill.mockRejectedValue(new NruncError('ERR_SIGNAL', 'no', { errno: 'EPERM' }))
    expect(await call('kill --all a')).toMatchObject({ code: 1 })
  })
})

describe('delete', () => {
  test('of an unknown container fails, with --force it does not', async () => {
    runtime.delete.mockRejectedValue(absent)
    expect(await call('delete a')).toMatchObject({ code: 1, stderr: message('container \\\\"a\\\\" does not exist') })
    output.stderr = ''
    expect(await call('delete -f a')).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('hands --force on', async () => {
    runtime.delete.mockReset()
    await call('delete a --force')
    expect(runtime.delete).toHaveBeenCalledExactlyOnceWith('a', { force: true })
  })
})

describe('with --regex', () => {
  const named = (id: string) => ({ id, kill: vi.fn(async () => {}) })

  test('kill signals all that match', async () => {
    const all = ['web-1', 'web-2', 'db'].map(named)
    runtime.list.mockResolvedValue(all)
    expect(await call('kill --regex ^web- KILL')).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(all.map(({ kill }) => kill.mock.calls)).toEqual([[['KILL']], [['KILL']], []])
    expect(runtime.load).not.toHaveBeenCalled()
  })

  test('delete goes on after a failure, tells it, and ends with 1', async () => {
    runtime.list.mockResolvedValue(['web-1', 'web-2', 'db'].map(named))
    runtime.delete.mockResolvedValue(undefined).mockRejectedValueOnce(new NruncError('ERR_STATUS', 'it runs'))
    expect(await call('delete -r web')).toEqual({ code: 1, stdout: '', stderr: message('web-1: it runs') })
    expect(runtime.delete.mock.calls).toEqual([['web-1', { force: false }], ['web-2', { force: false }]])
  })

  test('nothing that matches is no failure, a bad expression is', async () => {
    runtime.list.mockResolvedValue([])
    expect(await call('delete --regex x')).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await call('kill --regex ( 9')).toMatchObject({ code: 1, stderr: message('invalid regular expression: \\(') })
  })
})

describe('list', () => {
  const created = '2026-01-02T03:04:05.6Z'
  const state = { ociVersion: '1.3.0', id: 'a', pid: 7, status: 'running', bundle: '/b', created, owner: 'root' }
  const broken = { id: 'b', state: vi.fn() }

  beforeEach(() => {
    container.state.mockResolvedValue(state)
    broken.state.mockRejectedValue(new Error('damaged'))
    runtime.list.mockResolvedValue([broken, container])
  })

  test('as a table, without what cannot be read', async () => {
    const { code, stdout, stderr } = await call('list')
    expect(code).toBe(0)
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'],
      ['a', '7', 'running', '/b', '2026-01-02T03:04:05.6Z', 'root'],
      [''],
    ])
    expect(stderr).toContain('level=warning msg="container \\"b\\" is left out: damaged"')
  })

  test('as one line of JSON', async () => {
    expect((await call('list --format=json')).stdout).toBe(`${JSON.stringify([state])}\n`)
  })

  test('as ids alone', async () => {
    expect((await call('list -q')).stdout).toBe('b\na\n')
  })

  test('of nothing: null, as the empty slice of runc', async () => {
    runtime.list.mockResolvedValue([])
    expect((await call('list -f json')).stdout).toBe('null\n')
    expect((await call('list -q')).stdout).toBe('null\n')
  })
})

test('ps --format json: one line of pids', async () => {
  container.processes.mockResolvedValue([12, 345])
  expect(await call('ps --format json a')).toEqual({ code: 0, stdout: '[12,345]\n', stderr: '' })
})
