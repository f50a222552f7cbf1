import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { parseCommand } from '../../../lib/cli/command.ts'
import { command as create } from '../../../lib/cli/commands/create.ts'
import { command as run } from '../../../lib/cli/commands/run.ts'
import { forwardedSignals } from '../../../lib/cli/signals.ts'

const container = { terminal: null, start: vi.fn(), wait: vi.fn(), kill: vi.fn(), delete: vi.fn() }
const runtime = { create: vi.fn(), run: vi.fn() }
vi.mock('../../../lib/cli/runtime.ts', () => ({ openRuntime: async () => runtime, leaveProcesses: async () => {} }))

const log = { error: vi.fn(), warning: vi.fn(), debug: vi.fn() }
const socket = '/run/console.sock'

let bundle: string
beforeAll(() => {
  bundle = mkdtempSync(join(tmpdir(), 'nrunc-run-'))
})
afterAll(() => rmSync(bundle, { recursive: true }))
beforeEach(() => {
  vi.resetAllMocks()
  runtime.create.mockResolvedValue(container)
  runtime.run.mockResolvedValue(container)
  container.wait.mockResolvedValue({ code: null, signal: 'SIGKILL' })
  container.kill.mockResolvedValue(undefined)
  container.delete.mockResolvedValue(undefined)
})
afterEach(() => {
  for (const signal of forwardedSignals().flat()) process.removeAllListeners(signal)
})

const call = async (command: typeof run | typeof create, terminal: boolean, ...words: string[]) => {
  const spec = { ociVersion: '1.3.0', process: { args: ['sh'], cwd: '/', terminal } }
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec))
  const parsed = parseCommand(command as typeof run, ['-b', bundle, ...words, 'a'])
  if (parsed.help) throw new Error('help')
  return await (command as typeof run).run({ ...parsed, settings: {}, log })
}

describe('run in the foreground', () => {
  test('ends as the container does, and deletes it', async () => {
    expect(await call(run, false)).toBe(137)
    expect(runtime.run).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({
      id: 'a', bundle, stdin: 'inherit', stdout: 'inherit', stderr: 'inherit',
    }))
    expect(container.delete).toHaveBeenCalledOnce()
  })

  test('keeps it with --keep', async () => {
    expect(await call(run, false, '--keep', '--no-subreaper')).toBe(137)
    expect(container.delete).not.toHaveBeenCalled()
  })

  test('reports a failure to delete, and still ends as the container does', async () => {
    container.delete.mockRejectedValue(new Error('busy'))
    expect(await call(run, false)).toBe(137)
    expect(log.error).toHaveBeenCalledExactlyOnceWith('busy')
  })

  test('passes signals on, also those that came before the container ran', async () => {
    let end = (_: { code: number; signal: null }) => {}
    container.wait.mockReturnValue(new Promise((resolve) => {
      end = resolve
    }))
    runtime.run.mockImplementation(async () => {
      process.emit('SIGHUP', 'SIGHUP')
      expect(container.kill).not.toHaveBeenCalled()
      return container
    })
    const done = call(run, false)
    await vi.waitFor(() => expect(container.wait).toHaveBeenCalled())
    process.emit('SIGUSR1', 'SIGUSR1')
    end({ code: 4, signal: null })
    expect(await done).toBe(4)
    expect(container.kill.mock.calls).toEqual([['SIGHUP'], ['SIGUSR1']])
  })

  test('with a terminal gives its size and its line feeds along, and no streams', async () => {
    expect(await call(run, true)).toBe(137)
    expect(runtime.run).toHaveBeenCalledOnce()
    expect(runtime.run.mock.calls[0]?.[0]).toMatchObject({ keepLineFeeds: true })
    expect(runtime.run.mock.calls[0]?.[0]).toHaveProperty('terminalSize')
    expect(runtime.run.mock.calls[0]?.[0]).not.toHaveProperty('stdin')
  })

  test('has no console socket', async () => {
    await expect(call(run, true, '--console-socket', socket)).rejects.toThrow('cannot use console socket')
  })
})

describe('run --detach', () => {
  test('does not wait', async () => {
    expect(await call(run, false, '-d', '--pid-file', '/p')).toBe(0)
    expect(container.wait).not.toHaveBeenCalled()
    expect(runtime.run).toHaveBeenCalledWith(expect.objectContaining({ pidFile: '/p', stdout: 'inherit' }))
  })

  test('needs a console socket for a terminal', async () => {
    await expect(call(run, true, '-d')).rejects.toThrow('cannot allocate tty')
    expect(await call(run, true, '-d', '--console-socket', socket)).toBe(0)
    expect(runtime.run).toHaveBeenCalledWith(expect.objectContaining({ consoleSocket: socket }))
  })
})

describe('create', () => {
  test('is detached', async () => {
    await expect(call(create, true)).rejects.toThrow('cannot allocate tty')
    await call(create, false, '--no-pivot', '--no-new-keyring', '--preserve-fds=1')
    expect(runtime.create).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({
      id: 'a', bundle, noPivot: true, noNewKeyring: true, preserveFds: 1, stdin: 'inherit',
    }))
    expect(container.start).not.toHaveBeenCalled()
  })

  test('reads another configuration', async () => {
    const other = join(bundle, 'other.json')
    writeFileSync(other, JSON.stringify({ ociVersion: '1.3.0', hostname: 'other' }))
    for (const path of [other, relative('.', other)]) {
      await call(create, false, '--config', path)
      expect(runtime.create).toHaveBeenLastCalledWith(expect.objectContaining({
        bundle, spec: expect.objectContaining({ hostname: 'other' }),
      }))
    }
    await expect(call(create, false, '-f', join(bundle, 'none.json'))).rejects.toMatchObject({
      code: 'ERR_CONFIG_READ', message: 'JSON specification file none.json not found',
    })
  })

  test('needs a config.json', async () => {
    const parsed = parseCommand(create, ['--bundle', join(bundle, 'none'), 'a'])
    if (parsed.help) throw new Error('help')
    await expect(create.run({ ...parsed, settings: {}, log })).rejects.toMatchObject({
      code: 'ERR_CONFIG_READ', message: 'JSON specification file config.json not found',
    })
  })
})
