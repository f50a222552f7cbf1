import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { defaultSpec, ExitError, NruncError } from '../../../lib/index.ts'
import { type MockCall, MockRuntime } from '../../../lib/mock/index.ts'

/** A few programs. */
async function shell({ args: [name, ...words], stdin, stdout, stderr, env, cwd, ended, ...call }: MockCall): Promise<number> {
  if (name === 'echo') stdout.write(`${words.join(' ')}\n`)
  if (name === 'cat') stdout.write(await text(stdin))
  if (name === 'env') stdout.write(`${JSON.stringify({ env, cwd, uid: call.uid })}\n`)
  if (name === 'sleep') await once(ended, 'abort')
  if (name === 'polite') {
    await new Promise<void>((resolve) => {
      call.onSignal((signal) => {
        if (signal === 'SIGTERM') resolve()
        return true
      })
    })
    return 7
  }
  if (name === 'fail') stderr.write('no\n')
  return name === 'fail' ? 3 : 0
}
const host = (...args: string[]) => ({ host: { args } })
const rejection = (promise: PromiseLike<unknown>): Promise<NruncError> =>
  Promise.resolve(promise).then(() => { throw new Error('it did not fail') }, (error: unknown) => error as NruncError)

describe('the mock', () => {
  const runtime = new MockRuntime({ program: shell })
  afterEach(async () => {
    for (const container of await runtime.list()) await container.delete({ force: true })
  })

  test('runs a program to its end', async () => {
    expect(await runtime.execute(host('echo', 'hi'))).toMatchObject({ stdout: 'hi', exitCode: 0, failed: false, oomKilled: false })
    expect((await runtime.execute({ ...host('cat'), input: 'in' })).stdout).toBe('in')
    const error = await rejection(runtime.execute(host('fail')))
    expect(error).toBeInstanceOf(ExitError)
    expect(error).toMatchObject({ exitCode: 3, stderr: 'no' })
    expect(await runtime.list()).toEqual([])
  })

  describe('a terminal', () => {
    /** Says what is typed and which size there is, line by line. */
    const screen = new MockRuntime({
      program: async (call) => {
        const { stdin, stdout, stderr } = call
        call.onSignal((signal) => {
          if (signal === 'SIGWINCH') stderr.write(`now ${JSON.stringify(call.terminal)}\n`)
          return signal === 'SIGWINCH'
        })
        stdout.write(`size ${JSON.stringify(call.terminal)}\n`)
        for await (const piece of stdin) {
          if (String(piece) === 'end') return 5
          stdout.write(`typed ${String(piece)}\n`)
        }
        return 0
      },
    })
    const process = { ...defaultSpec().process!, terminal: true, args: ['sh'], consoleSize: { height: 30, width: 90 } }
    const spec = { ...defaultSpec(), process }

    test('of a container: typing, size, its end', async () => {
      const made = await screen.run({ spec })
      expect([made.stdin, made.stdout, made.stderr]).toEqual([null, null, null])
      const lines = made[Symbol.asyncIterator]()
      const line = async (): Promise<unknown> => (await lines.next()).value
      expect(await line()).toBe('size {"rows":30,"columns":90}')
      made.terminal!.write('a')
      expect(await line()).toBe('typed a')
      made.terminal!.resize({ rows: 50, columns: 120 })
      expect(await line()).toBe('now {"rows":50,"columns":120}')
      expect(() => made.terminal!.resize({ rows: -1, columns: 0 })).toThrow('the size must be')
      made.terminal!.end('end')
      expect(await made.wait()).toMatchObject({ code: 5 })
      expect(await lines.next()).toEqual({ value: undefined, done: true })
      made.terminal!.resize({ rows: 1, columns: 1 }) // as in the library
      expect(made.terminal!.size).toEqual({ rows: 50, columns: 120 })
      await made.delete()
    })

    test('of a process, with a size of its own; what it is killed with ends its stream', async () => {
      const made = await screen.run({ ...host('sh'), stdin: 'pipe' })
      expect(made.terminal).toBeNull()
      const added = await made.exec({ args: ['sh'], terminal: true, terminalSize: { rows: 1, columns: 2 } })
      await added.kill('SIGKILL')
      const lines = []
      for await (const one of added) lines.push(one)
      expect(lines).toEqual(['size {"rows":1,"columns":2}'])
      await made.delete({ force: true })
    })

    test.each([
      [{ spec, stdout: 'pipe' }, 'stdout cannot be used together with a terminal'],
      [{ ...host('sh'), consoleSocket: '/nowhere' }, 'cannot use console socket if there is no terminal'],
      [{ ...host('sh'), terminalSize: { rows: 1, columns: 2 } }, 'terminalSize cannot be used without a terminal'],
      [{ spec, consoleSocket: '/nowhere' }, 'the mock has no console sockets'], [{ host: {}, stdin: 'ignore' }, 'stdin cannot be used together with a terminal'],
    ] as const)('%#: what is refused, as in the library', async (options, message) => {
      expect((await rejection(screen.run(options))).message).toBe(message)
      expect(await screen.list()).toEqual([])
    })
  })

  test('the life of a container', async () => {
    const made = await runtime.create({ id: 'a', ...host('sleep') })
    expect(await made.state()).toMatchObject({ id: 'a', status: 'created', pid: made.pid })
    expect((await rejection(runtime.create({ id: 'a', ...host('sleep') }))).code).toBe('ERR_ID_EXISTS')
    await made.start()
    expect((await rejection(made.start())).message).toBe('cannot start an already running container')
    expect((await rejection(made.delete())).message).toBe('cannot delete container a that is not stopped: running')
    const event = once(made, 'exit')
    await made.kill('KILL')
    expect(await made.wait()).toMatchObject({ code: null, signal: 'SIGKILL', stats: { pids: { current: 0 } } })
    expect((await event)[0].signal).toBe('SIGKILL')
    expect((await rejection(made.kill())).message).toBe('container not running')
    await made.delete()
    expect((await rejection(runtime.load('a'))).code).toBe('ERR_NOT_FOUND')
    expect((await rejection(made.delete())).code).toBe('ERR_NOT_FOUND')
  })

  test('exec has the environment of the container', async () => {
    const made = await runtime.run({ host: { args: ['sleep'], env: ['A=1'] } })
    const { stdout } = await made.execute({ args: ['env'], env: ['B=2=3'], cwd: '/tmp', user: { uid: 5 } })
    expect(JSON.parse(stdout)).toMatchObject({ env: { A: '1', B: '2=3' }, cwd: '/tmp', uid: 5 })
    expect((await rejection(made.exec({ args: [] }))).message).toBe('process args cannot be empty')
  })

  test('a process of exec ends with the container', async () => {
    const made = await runtime.run(host('sleep'))
    const added = await made.exec({ args: ['sleep'] })
    await made.delete({ force: true })
    expect(await added.wait()).toMatchObject({ signal: 'SIGKILL' })
  })

  test('deadlines', async () => {
    const made = await runtime.run({ ...host('polite'), timeout: 5 })
    expect(await made.wait()).toMatchObject({ code: 7, timedOut: true })
    expect((await rejection(runtime.execute({ ...host('sleep'), timeout: 5 }))).code).toBe('ERR_TIMEOUT')
    expect((await rejection(runtime.run({ ...host('sleep'), signal: AbortSignal.abort() }))).code).toBe('ERR_ABORTED')
  })

  test('lines, as of the library', async () => {
    const lines = []
    for await (const line of await runtime.run(host('echo', 'a\nb'))) lines.push(line)
    expect(lines).toEqual(['a', 'b'])
  })

  test('options, ids and configs are checked', async () => {
    expect(await rejection(runtime.run({ ...host('a'), stdinn: 1 } as never))).toMatchObject({ operand: 'stdinn', hint: 'did you mean "stdin"?' })
    expect((await rejection(runtime.run({ id: '../a', ...host('a') }))).code).toBe('ERR_ID_INVALID')
    expect((await rejection(runtime.run({ spec: { ociVersion: '1.0.0' } as never }))).code).toBe('ERR_CONFIG_INVALID')
    expect((await rejection(runtime.run({ ...host('a'), bundle: '/' }))).operand).toBe('host')
    expect(await runtime.list()).toEqual([])
  })

  test('hooks', async () => {
    const seen: string[] = []
    const note = (kind: string) => () => { seen.push(kind) }
    const made = await runtime.run({ ...host('sleep'), hooks: { createRuntime: note('createRuntime'), poststart: note('poststart'), poststop: note('poststop') } })
    await made.delete({ force: true })
    expect(seen).toEqual(['createRuntime', 'poststart', 'poststop'])
    const error = await rejection(runtime.run({ ...host('sleep'), hooks: { prestart: () => { throw new Error('no') } } }))
    expect([error.code, (await runtime.list()).length]).toEqual(['ERR_HOOK', 0])
  })

  test('files', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nrunc-mock-'))
    try {
      const made = await runtime.run(host('sleep'))
      await made.writeFile('/etc/../a', 'one')
      expect([await made.readFile('a', { encoding: 'utf8' }), [...made.files.keys()]]).toEqual(['one', ['/a']])
      expect(await text(await made.readStream('/a'))).toBe('one')
      writeFileSync(join(directory, 'in'), 'two')
      await made.copyIn(directory, '/b')
      await made.copyOut('/b', join(directory, 'out'))
      expect(readFileSync(join(directory, 'out/in'), 'utf8')).toBe('two')
      expect(await rejection(made.readFile('/c'))).toMatchObject({ code: 'ERR_FILE', message: 'cannot read "/c": no such file or directory' })
      expect((await rejection(made.readFile('/a', { maxBytes: 2 }))).code).toBe('ERR_FILE')
      const signal = AbortSignal.abort()
      const calls = [
        () => made.readFile('/a', { signal }), () => made.readStream('/a', { signal }), () => made.writeFile('/a', 'x', { signal }),
        () => made.copyIn(directory, '/c', { signal }), () => made.copyOut('/b', directory, { signal }),
      ]
      for (const call of calls) expect((await rejection(call())).code).toBe('ERR_ABORTED')
      let given = ''
      const endless = (async function* () { while (given === '') { yield given; await new Promise(setImmediate) } })()
      expect((await rejection(made.writeFile('/a', endless, { timeout: 5 }))).code).toBe('ERR_TIMEOUT')
      given = 'enough'
      await made.stop({ gracePeriod: 0 })
      expect((await rejection(made.readFile('/a'))).code).toBe('ERR_STATUS')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  test('pause, statistics, memory', async () => {
    const made = await runtime.run(host('sleep'))
    const seen: string[] = []
    for (const name of ['paused', 'resumed', 'oom'] as const) made.on(name, () => seen.push(name))
    await made.pause()
    expect((await rejection(made.exec({ args: ['echo'] }))).message).toContain('cannot exec in a paused container')
    await made.resume()
    for await (const { memory } of made.stats({ interval: 1 })) {
      expect(memory.oomKills).toBe(0)
      made.runOutOfMemory()
    }
    expect(await made.wait()).toMatchObject({ oomKilled: true, signal: 'SIGKILL' })
    expect(seen).toEqual(['paused', 'resumed', 'oom'])
  })

  test('templates: checks and changes as of the library', async () => {
    const spec = defaultSpec()
    const base = { ...spec, process: { ...spec.process!, terminal: false, args: ['env'], env: ['A=1'] } }
    await using template = await runtime.compile({ spec: base })
    expect(JSON.parse((await template.execute({ env: ['B=2'], cwd: '/tmp' })).stdout)).toEqual({ env: { A: '1', B: '2' }, cwd: '/tmp', uid: 0 })
    expect((await template.execute({ args: ['echo', 'hi'] })).stdout).toBe('hi')
    const made = await template.create({ id: 'a', hostname: 'other' })
    expect([made.spec.hostname, template.spec.hostname, (await made.state()).status]).toEqual(['other', spec.hostname, 'created'])
    const seen: string[] = []
    await template.execute({ hooks: { createRuntime: ({ id }) => { seen.push(id) } }, id: 'b' })
    expect(seen).toEqual(['b'])
    expect((await rejection(template.run({ cwd: 'relative' }))).code).toBe('ERR_CONFIG_INVALID')
    expect((await rejection(template.run({ hotsname: 'a' } as never))).hint).toBe('did you mean "hostname"?')
    expect((await rejection(runtime.compile({ spec: base, networksAhead: 65 }))).operand).toBe('networksAhead')
    expect((await rejection(runtime.compile({ spec: base, args: [] } as never))).operand).toBe('args')
  })

  test('pools: checks and changes as of the library', async () => {
    const spec = defaultSpec()
    const base = { ...spec, process: { ...spec.process!, terminal: false, args: ['cat'] } }
    const seen: string[] = []
    const pool = await runtime.pool({ spec: base, size: 2, hooks: { poststop: ({ status }) => { seen.push(status) } } })
    expect([pool.size, pool.ready]).toEqual([2, 2])
    expect((await pool.execute({ input: 'in' })).stdout).toBe('in')
    expect(seen).toEqual(['stopped'])
    const made = await pool.acquire({ args: ['sleep'] })
    expect((await made.state()).status).toBe('running')
    expect((await rejection(pool.acquire({ mounts: [] } as never))).operand).toBe('mounts')
    await pool.close()
    expect(await rejection(pool.acquire())).toMatchObject({ code: 'ERR_STATUS', message: 'the pool is closed' })
    expect([pool.ready, (await made.state()).status]).toEqual([0, 'running'])
    expect((await rejection(runtime.pool({ spec: { ...base, linux: { ...base.linux, cgroupsPath: '/one' } }, size: 1 }))).code).toBe('ERR_POOL')
    expect((await rejection(runtime.pool({ spec: base, size: 0 }))).operand).toBe('size')
  })

  test('checkpoints: it is gone, or goes on; a restore begins anew', async () => {
    const spec = { ...defaultSpec(), process: { ...defaultSpec().process!, terminal: false, args: ['sleep'] } }
    const made = await runtime.run({ id: 'saved', spec })
    expect(await rejection(made.checkpoint({ imagePath: '/c', parentPath: '/p' }))).toMatchObject({ code: 'ERR_OPTION_INVALID' })
    await made.checkpoint({ imagePath: '/c', leaveRunning: true })
    expect((await made.state()).status).toBe('running')
    await made.checkpoint({ imagePath: '/c' })
    expect((await rejection(runtime.load('saved'))).code).toBe('ERR_NOT_FOUND')
    expect((await rejection(made.checkpoint({ imagePath: '/c' }))).code).toBe('ERR_STATUS')
    const restored = await runtime.restore({ id: 'saved', spec, imagePath: '/c' })
    expect((await restored.state()).status).toBe('running')
    expect((await rejection(runtime.restore({ id: 'saved', spec, imagePath: '/c' }))).code).toBe('ERR_ID_EXISTS')
    expect((await rejection(runtime.restore({ spec: { ...spec, linux: { ...spec.linux, intelRdt: { closID: 'x' } } }, imagePath: '/c' }))).code).toBe('ERR_CONFIG_UNSUPPORTED')
  })
})
