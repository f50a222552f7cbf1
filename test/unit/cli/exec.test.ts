import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { parseCommand } from '../../../lib/cli/command.ts'
import { command } from '../../../lib/cli/commands/exec.ts'

const container = { exec: vi.fn() }
vi.mock('../../../lib/cli/runtime.ts', () => ({ openRuntime: async () => ({ load: async () => container }), leaveProcesses: async () => {} }))

const log = { error: vi.fn(), warning: vi.fn(), debug: vi.fn() }

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nrunc-exec-'))
})
afterAll(() => rmSync(directory, { recursive: true }))
beforeEach(() => {
  container.exec.mockReset()
  container.exec.mockResolvedValue({ terminal: null, wait: async () => ({ code: 3, signal: null }), kill: vi.fn() })
})

const exec = async (...words: string[]) => {
  const parsed = parseCommand(command, words)
  if (parsed.help) throw new Error('help')
  return await command.run({ ...parsed, settings: {}, log })
}
const options = () => container.exec.mock.calls[0]?.[0]
const inherited = { stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' }

describe('a command', () => {
  test('in the foreground ends with its exit code', async () => {
    expect(await exec('a', 'ls', '-l', '--', '--detach')).toBe(3)
    expect(options()).toMatchObject({ args: ['ls', '-l', '--', '--detach'], terminal: false, ...inherited })
  })

  test('takes everything from the flags', async () => {
    const line = '-e A=1 --env B=2 --cwd /w -u 1:2 -g 3 -g 4 -c CAP_KILL --no-new-privs --preserve-fds 2'
      + ' --apparmor profile --process-label label --ignore-paused --pidfd-socket /s a sh'
    await exec(...line.split(' '))
    expect(options()).toMatchObject({
      args: ['sh'],
      env: ['A=1', 'B=2'],
      cwd: '/w',
      user: { uid: 1, gid: 2 },
      additionalGids: [3, 4],
      capabilities: ['CAP_KILL'],
      noNewPrivileges: true,
      preserveFds: 2,
      apparmorProfile: 'profile',
      selinuxLabel: 'label',
      ignorePaused: true,
      pidfdSocket: '/s',
    })
  })

  test('with a terminal gives no streams', async () => {
    await exec('-t', 'a', 'sh')
    expect(options()).toMatchObject({ terminal: true })
    expect(options()).not.toHaveProperty('stdin')
  })

  test('detached does not wait', async () => {
    container.exec.mockResolvedValue({ wait: () => new Promise(() => {}) })
    expect(await exec('-d', 'a', 'sleep', '9')).toBe(0)
  })

  test('must be there', async () => {
    await expect(exec('a')).rejects.toThrow('process args cannot be empty')
  })

  test('has users and groups by number', async () => {
    await expect(exec('-u', 'root', 'a', 'sh')).rejects.toThrow('bad uid: "root"')
    await expect(exec('-g', 'wheel', 'a', 'sh')).rejects.toThrow('bad gid: "wheel"')
  })

  test('detached with a terminal needs a console socket', async () => {
    await expect(exec('-d', '-t', 'a', 'sh')).rejects.toThrow('cannot allocate tty if nrunc will detach')
    await exec('-d', '-t', '--console-socket', '/s', 'a', 'sh')
    expect(options()).toMatchObject({ terminal: true, consoleSocket: '/s' })
  })
})

describe('a process from a file', () => {
  const file = (name: string, value: unknown) => {
    const path = join(directory, name)
    writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
    return path
  }

  test('is the whole process', async () => {
    const process = { args: ['sh'], cwd: '/', rlimits: [{ type: 'RLIMIT_CORE', soft: 1, hard: 1 }] }
    await exec('--process', file('plain', process), '--detach', 'a')
    expect(options()).toMatchObject({ process, ...inherited })
    expect(options()).not.toHaveProperty('args')
  })

  test('decides about the terminal, unless --tty does', async () => {
    const wants = file('wants', { args: ['sh'], cwd: '/', terminal: true })
    await exec('-p', wants, '-d', '--console-socket', '/s', 'a')
    expect(options()).toMatchObject({ process: { terminal: true } })
    await expect(exec('-p', wants, '-d', 'a')).rejects.toThrow('cannot allocate tty')
    await exec('-p', file('plain', { args: ['sh'], cwd: '/' }), '-d', '--tty', '--console-socket', '/s', 'a')
    expect(container.exec.mock.calls[1]?.[0]).toMatchObject({ process: { terminal: true } })
  })

  test.each(['--cwd=/', '--env=A=1', '--user=1', '--additional-gids=1', '--cap=CAP_KILL', '--no-new-privs'])(
    'leaves nothing to say for %s',
    async (flag) => {
      const path = file('plain', { args: ['sh'], cwd: '/' })
      const name = /[a-z-]+/.exec(flag.slice(2))?.[0]
      await expect(exec('-p', path, flag, 'a')).rejects.toThrow(`cannot use --${name} together with --process`)
    },
  )

  test('leaves nothing to say for a command', async () => {
    const path = file('plain', { args: ['sh'], cwd: '/' })
    await expect(exec('-p', path, 'a', 'ls')).rejects.toThrow('cannot use a command together with --process')
  })

  test('that is not there, or is no JSON', async () => {
    const path = join(directory, 'none')
    await expect(exec('-p', path, 'a')).rejects.toMatchObject({
      code: 'ERR_CONFIG_READ', message: `cannot read "${path}": ENOENT`,
    })
    await expect(exec('-p', file('broken', '{'), 'a')).rejects.toMatchObject({ code: 'ERR_CONFIG_PARSE' })
  })
})

describe('--cgroup', () => {
  test.each([
    [['sub'], 'sub'],
    [['/'], '/'],
    [['cpu,memory:sub', 'pids:other'], { cpu: 'sub', memory: 'sub', pids: 'other' }],
  ])('%j', async (given, cgroup) => {
    await exec(...given.flatMap((one) => ['--cgroup', one]), 'a', 'sh')
    expect(options()).toMatchObject({ cgroup })
  })

  test.each([
    [['a', 'b'], 'invalid --cgroup argument: a (missing <controller>: prefix)'],
    [[':x'], 'invalid --cgroup argument: :x (empty <controller> prefix)'],
    [['cpu,:x'], 'invalid --cgroup argument: cpu,:x (empty <controller> prefix)'],
    [['cpu:x', 'cpu:y'], 'invalid --cgroup argument(s): controller cpu specified multiple times'],
  ])('%j', async (given, message) => {
    await expect(exec(...given.flatMap((one) => ['--cgroup', one]), 'a', 'sh')).rejects.toThrow(message)
    expect(container.exec).not.toHaveBeenCalled()
  })
})
