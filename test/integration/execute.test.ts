/**
 * A program run to its end in one call, in a container of its own and in one that runs.
 */
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { type Container, type CreateOptions, type ExecutionOptions, ExitError, NruncError } from '../../lib/index.ts'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith(container, 'execute', () => {
  const sandbox = useSandbox()

  describe.each(['a container of its own', 'a process more'] as const)('%s', (how) => {
    let host: Container | undefined
    const execute = <const O extends ExecutionOptions & Partial<Pick<CreateOptions, 'signal' | 'timeout' | 'gracePeriod' | 'stdin' | 'stdout'>>>(
      script: string, options: O = {} as O,
    ) => {
      if (how === 'a process more') return host!.execute({ args: ['sh', '-c', script], ...options })
      const id = sandbox.id()
      const spec = sandbox.spec(['sh', '-c', script], ({ linux }) => { linux.cgroupsPath = `/nrunc-test/${id}` })
      return sandbox.runtime.execute({ id, bundle: sandbox.directory, spec, ...options })
    }
    const ready = async (): Promise<void> => { host = await sandbox.run(['sleep', '1000']) }

    test('gives the output, and leaves nothing', async () => {
      await ready()
      const result = await leavesNothing(sandbox, async () => execute('echo out; echo; echo err >&2'))
      expect(result).toMatchObject({
        failed: false, exitCode: 0, signal: null, stdout: 'out\n', stderr: 'err', timedOut: false, aborted: false,
        maxBufferExceeded: false, startedAt: expect.any(Date), finishedAt: expect.any(Date), durationMs: expect.any(Number),
      })
    })

    test.each([
      [{ stripFinalNewline: false }, 'a\nb\n'], [{ lines: true }, ['a', 'b']], [{ encoding: 'buffer' }, Buffer.from('a\nb\n')],
      [{ buffer: false, stdout: 'ignore' }, undefined], [{ stdout: 'ignore' }, undefined],
    ] as const)('output as %j', async (options, stdout) => {
      await ready()
      const result = await execute('echo a; echo b', options)
      expect(result.stdout).toEqual(stdout)
    })

    test('line ends of a terminal are no part of lines', async () => {
      await ready()
      expect((await execute(String.raw`printf 'a\r\nb\r\n\r\nc\rd'`, { lines: true })).stdout).toEqual(['a', 'b', '', 'c\rd'])
      expect((await execute(String.raw`printf 'a\r\nb\r\n'`)).stdout).toBe('a\r\nb')
    })

    test.each([['text', 'in\n'], ['bytes', Buffer.from('in\n')], ['a stream', Readable.from(['i', 'n\n'])]])('input: %s', async (_, input) => {
      await ready()
      expect((await execute('cat; echo end', { input })).stdout).toBe('in\nend')
    })

    test('without input there is none', async () => {
      await ready()
      expect((await execute('cat; echo end')).stdout).toBe('end')
    })

    test('a conversation', async () => {
      await ready()
      const running = execute('read line; echo "got $line"; cat', { stdin: 'pipe' })
      running.stdout!.once('data', () => running.stdin!.end('more'))
      running.stdin!.write('first\n')
      expect((await running).stdout).toBe('got first\nmore')
    })

    test('input that the program does not read to its end: what was not read stays the caller\'s', async () => {
      await ready()
      for (const input of [new PassThrough(), Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(65536)))]) {
        const result = await leavesNothing(sandbox, async () => execute('echo enough', { input }))
        expect(result.stdout).toBe('enough')
        await expect.poll(() => [input.destroyed, input.readableFlowing, input.listenerCount('error')]).toEqual([false, false, 0])
      }
    })

    test('input that breaks off is an end of input', async () => {
      await ready()
      const input = new PassThrough()
      const running = execute('cat; echo end', { input })
      input.write('begun ')
      running.stdout!.once('data', () => input.destroy(new Error('gone')))
      expect((await running).stdout).toBe('begun end')
    })

    test('nobody who writes on after the end of the program is told by an event', async () => {
      await ready()
      const running = execute('read line', { stdin: 'pipe' })
      running.stdin!.write('line\n')
      await running
      const error = await new Promise<Error | null | undefined>((resolve) => running.stdin!.write('late', resolve))
      expect(error).toBeInstanceOf(Error)
    })

    test('a program that fails is an error with all fields of a result', async () => {
      await ready()
      const error = await leavesNothing(sandbox, () => rejection(execute('echo out; echo err >&2; exit 3')))
      expect(error).toBeInstanceOf(ExitError)
      expect(error).toMatchObject({
        name: 'ExitError', code: 'ERR_EXIT', message: 'the program exited with code 3', failed: true, exitCode: 3, signal: null,
        stdout: 'out', stderr: 'err', timedOut: false, aborted: false, durationMs: expect.any(Number),
      })
    })

    test('or, on demand, a result', async () => {
      await ready()
      const result = await execute('echo out; exit 4', { reject: false })
      expect(result).toMatchObject({ failed: true, stdout: 'out' })
      const good = await execute('true', { reject: false })
      expect(Object.keys(good).filter((name) => !(name in result))).toEqual([])
    })

    test('a program that cannot be made is the error of run and exec', async () => {
      await ready()
      const error = await leavesNothing(sandbox, () => rejection(how === 'a process more'
        ? host!.execute({ args: ['nosuch'] }) : sandbox.runtime.execute({ bundle: '/nosuch' })))
      expect(error).toBeInstanceOf(NruncError)
      expect(error.code).toBe(how === 'a process more' ? 'ERR_PROGRAM' : 'ERR_CONFIG_READ')
    })

    test('one that writes too much is killed, and the output is cut', async () => {
      await ready()
      const error = await leavesNothing(sandbox, () => rejection(execute('yes', { maxBuffer: 7 })))
      expect(error).toMatchObject({ code: 'ERR_OUTPUT', maxBufferExceeded: true, stdout: 'y\ny\ny\ny', stderr: '' })
    })

    test('exactly as much as is allowed', async () => {
      await ready()
      expect((await execute('echo 123456', { maxBuffer: 7 })).stdout).toBe('123456')
    })

    test('a time-out', async () => {
      await ready()
      const error = await leavesNothing(sandbox, () => rejection(execute('echo begun; sleep 1000', { timeout: 1000, gracePeriod: 0 })))
      expect(error).toMatchObject({ code: 'ERR_TIMEOUT', timedOut: true, stdout: 'begun', signal: 'SIGKILL' })
    })

    test('an abort, with its reason', async () => {
      await ready()
      const controller = new AbortController()
      const running = execute('echo begun; sleep 1000', { signal: controller.signal, gracePeriod: 0 })
      const reason = new Error('enough')
      running.stdout!.once('data', () => controller.abort(reason))
      expect(await rejection(running)).toMatchObject({ code: 'ERR_ABORTED', aborted: true, cause: reason, stdout: 'begun' })
    })

    test('lines as they come', async () => {
      await ready()
      const running = execute('echo one; read go; echo two', { stdin: 'pipe' })
      const lines = []
      for await (const line of running) {
        lines.push(line)
        if (line === 'one') running.stdin!.end('go\n')
      }
      expect(lines).toEqual(['one', 'two'])
    })

    test('lines, and then the failure', async () => {
      await ready()
      const lines: string[] = []
      const error = await rejection((async () => {
        for await (const line of execute('echo one; exit 5')) lines.push(line)
      })())
      expect([lines, (error as ExitError).exitCode]).toEqual([['one'], 5])
    })

    test('leaving the loop kills the program', async () => {
      await ready()
      await leavesNothing(sandbox, async () => {
        for await (const line of execute('while :; do echo again; sleep 0.01; done', { buffer: false })) {
          expect(line).toBe('again')
          break
        }
      })
    })

    test('streams that are not kept can be read', async () => {
      await ready()
      const running = execute('head -c 300000 /dev/zero', { buffer: false })
      expect(await text(running.stdout!)).toHaveLength(300000)
      expect((await running).stdout).toBeUndefined()
    })

    test('kill', async () => {
      await ready()
      const running = execute('trap "exit 9" TERM; echo ready; while :; do sleep 0.02; done')
      running.stdout!.once('data', () => running.kill())
      expect(await rejection(running)).toMatchObject({ exitCode: 9 })
    })

    test('finally is called', async () => {
      await ready()
      let count = 0
      await execute('true').finally(() => count++)
      await execute('false').finally(() => count++).catch(() => count++)
      expect(count).toBe(3)
    })
  })

  test.each([
    [{ nosuch: 1 }, 'nosuch'], [{ encoding: 'latin1' }, 'encoding'], [{ maxBuffer: 0 }, 'maxBuffer'], [{ maxBuffer: Infinity }, 'maxBuffer'],
    [{ encoding: 'buffer', lines: true }, 'lines'], [{ input: 'a', stdin: 'ignore' }, 'input'],
  ])('%j is refused', async (options, name) => {
    const error = await leavesNothing(sandbox, () =>
      rejection((async () => sandbox.runtime.execute({ host: { args: ['true'] }, ...options } as never))()))
    expect([error.code, error.operand]).toEqual(['ERR_OPTION_INVALID', name])
  })

  test('a container that somebody else has deleted: the result says how it ended', async () => {
    const id = sandbox.id()
    const spec = sandbox.spec(['sleep', '1000'], ({ linux }) => { linux.cgroupsPath = `/nrunc-test/${id}` })
    const execution = sandbox.runtime.execute({ id, bundle: sandbox.directory, spec, reject: false })
    await (await execution.started).delete({ force: true })
    expect(await execution).toMatchObject({ failed: true, signal: 'SIGKILL' })
  })
})
