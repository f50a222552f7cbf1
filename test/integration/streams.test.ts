/**
 * Standard streams of a container: as Node streams, as given descriptors, as the caller's own, as nothing.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { end, useSandbox } from '../helpers/containers.ts'
import { runProgram } from '../helpers/cli.ts'
import { until } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith(container, 'the streams of a container', () => {
  const sandbox = useSandbox()

  test('what is written to stdin comes back through cat', async () => {
    const made = await sandbox.run(['cat'], undefined, { stdin: 'pipe' })
    made.stdin!.write('one\n')
    made.stdin!.end('two\n')
    expect(await end(made)).toEqual({ code: 0, signal: null, stdout: 'one\ntwo\n', stderr: '' })
  })

  test('10 MB both ways, byte for byte', async () => {
    const data = Buffer.alloc(10_000_000, 'nrunc test data ')
    const made = await sandbox.run(['cat'], undefined, { stdin: 'pipe' })
    const hash = createHash('sha256')
    await Promise.all([pipeline(Readable.from([data]), made.stdin!), pipeline(made.stdout!, hash)])
    expect(hash.digest('hex')).toBe(createHash('sha256').update(data).digest('hex'))
    expect((await made.wait()).code).toBe(0)
  })

  test('output that nobody reads yet is not lost', async () => {
    const made = await sandbox.run(['sh', '-c', 'head -c 60000 /dev/zero; echo done >&2'])
    await made.wait()
    const ended = await end(made)
    expect([ended.stdout.length, ended.stderr]).toEqual([60000, 'done\n'])
  })

  test('a program waits for a reader that is slow, and all of it arrives', async () => {
    const made = await sandbox.run(['head', '-c', '10000000', '/dev/zero'])
    await until(() => readFileSync(`/proc/${made.pid}/wchan`, 'utf8').includes('pipe_write'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(made.stdout!.readableLength).toBeLessThan(1 << 18)
    expect(await text(made.stdout!)).toHaveLength(10_000_000)
  })

  test('their descriptors are closed at the end of the program: of streams that nobody uses, reads or ends', async () => {
    const [unused, unread] = await leavesNothing(sandbox, async () => {
      const all = [['true'], ['echo', 'late'], ['sh', '-c', 'exec <&-; echo late']].map((words) => sandbox.run(words, undefined, { stdin: 'pipe' }))
      const [, second, third] = await Promise.all(all.map(async (one) => {
        await (await one).wait()
        await (await one).delete()
        return one
      }))
      return [second!, third!]
    })
    expect([await text(unused!.stdout!), await text(unread!.stdout!)]).toEqual(['late\n', 'late\n'])
  })

  test('what is written to stdin after the end of the program is lost, and no error of the stream', async () => {
    const made = await sandbox.run(['true'], undefined, { stdin: 'pipe' })
    await made.wait()
    const error = await new Promise<Error | null | undefined>((resolve) => made.stdin!.write('late', resolve))
    expect(error).toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
  })

  test('a program whose reader has gone is ended by SIGPIPE', async () => {
    const made = await sandbox.run(['sh', '-c', 'cat /dev/zero; echo $? >&2'])
    made.stdout!.once('data', () => made.stdout!.destroy())
    expect(await text(made.stderr!)).toBe('141\n')
  })

  test('descriptors of the caller', async () => {
    const [from, to] = [join(sandbox.directory, 'config.json'), join(sandbox.directory, 'out')]
    const files = [openSync('/etc/hostname', 'r'), openSync(to, 'w'), openSync(`${from}.err`, 'w')] as const
    const made = await sandbox.run(['sh', '-c', 'cat; echo err >&2'], undefined, {
      stdin: files[0],
      stdout: files[1],
      stderr: files[2],
    })
    expect([made.stdin, made.stdout, made.stderr]).toEqual([null, null, null])
    await made.wait()
    expect(readFileSync(to, 'utf8')).toBe(readFileSync('/etc/hostname', 'utf8'))
    expect(readFileSync(`${from}.err`, 'utf8')).toBe('err\n')
    files.forEach((file) => closeSync(file)) // they stayed the caller's: closing them again would throw
  })

  test('two streams on one descriptor', async () => {
    const path = join(sandbox.directory, 'both')
    const file = openSync(path, 'w')
    const made = await sandbox.run(['sh', '-c', 'echo out; echo err >&2'], undefined, { stdout: file, stderr: file })
    await made.wait()
    closeSync(file)
    expect(readFileSync(path, 'utf8')).toBe('out\nerr\n')
  })

  test('/dev/null is the container\'s own, which processes inside of it can look at; for exec too', async () => {
    const look = ['sh', '-c', 'stat -Lc %d:%i /dev/null /proc/self/fd/0 | uniq | wc -l']
    const made = await sandbox.run(['sleep', '1000'], undefined, { stdin: 'ignore' })
    expect((await sandbox.output(look)).stdout).toBe('1\n')
    expect((await end(await made.exec({ args: look, stdin: 'ignore' }))).stdout).toBe('1\n')
  })

  test('something else at /dev/null does not get the streams', async () => {
    const made = await sandbox.run(['sh', '-c', 'rm /dev/null; echo text > /dev/null; echo ready; exec sleep 1000'])
    for await (const line of made) {
      expect(line).toBe('ready')
      break
    }
    const words = ['sh', '-c', 'test -f /dev/null && test -c /proc/self/fd/0 && wc -c']
    expect(await end(await made.exec({ args: words, stdin: 'ignore' }))).toMatchObject({ code: 0, stdout: '0\n' })
  })

  test('ignored streams are /dev/null', async () => {
    const made = await sandbox.run(['sh', '-c', 'readlink /proc/self/fd/0; readlink /proc/self/fd/2'], undefined, {
      stderr: 'ignore',
    })
    expect((await end(made)).stdout).toBe('/dev/null\n/dev/null\n')
  })

  test('the caller\'s own streams', async () => {
    const spec = sandbox.spec(['sh', '-c', 'cat; echo err >&2'], ({ linux }) => {
      linux.cgroupsPath = `/nrunc-test/${sandbox.id()}`
    })
    const script = `
      const { Runtime } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)})
      const runtime = new Runtime({ root: ${JSON.stringify(sandbox.root)} })
      const options = { id: '${sandbox.id()}', bundle: '/', spec: ${JSON.stringify(spec)} }
      const container = await runtime.run({ ...options, stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' })
      process.exitCode = (await container.wait()).code === 0 ? 42 : 1
      await container.delete()`
    const result = await runProgram([process.execPath, '--input-type=module', '-e', script], { input: 'in\n' })
    expect(result).toEqual({ code: 42, stdout: 'in\n', stderr: 'err\n' })
  })

  describe('end with the process, whatever its children hold', () => {
    const holder = 'sleep 1000 & head -c 60000 /dev/zero; echo done'

    test('one that exec added', async () => {
      const made = await sandbox.run(['sleep', '1000'])
      const added = await made.exec({ args: ['sh', '-c', holder], stdin: 'ignore' })
      expect((await end(added)).stdout).toHaveLength(60005)
      expect((await made.processes()).length).toBe(2)
    })

    test('one whose output is read only later', async () => {
      const made = await sandbox.run(['sleep', '1000'])
      const added = await made.exec({ args: ['sh', '-c', holder], stdin: 'ignore' })
      await added.wait()
      await new Promise((resolve) => setImmediate(resolve))
      expect(await text(added.stdout!)).toHaveLength(60005)
    })

    test('what a child writes later is not in it', async () => {
      const made = await sandbox.run(['sleep', '1000'])
      const script = '(read line < /dev/shm/go; echo late) & echo early'
      await end(await made.exec({ args: ['mkfifo', '/dev/shm/go'], stdin: 'ignore' }))
      const added = await made.exec({ args: ['sh', '-c', script], stdin: 'ignore' })
      expect(await text(added.stdout!)).toBe('early\n')
      const told = await made.exec({ args: ['sh', '-c', 'echo > /dev/shm/go'], stdin: 'ignore' })
      expect((await end(told)).code).toBe(0)
    })

    test('a container in the pid namespace of the host', async () => {
      const made = await sandbox.run(['sh', '-c', holder], ({ linux }) => {
        linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid')
      })
      expect((await end(made)).stdout).toHaveLength(60005)
    })

    test('a terminal', async () => {
      const made = await sandbox.run(['sleep', '1000'])
      const added = await made.exec({ args: ['sh', '-c', "trap '' HUP; sleep 1000 & echo done"], terminal: true })
      expect(await text(added.terminal!)).toBe('done\r\n')
      expect((await made.processes()).length).toBe(2)
    })
  })

  describe('as lines', () => {
    test('of a container', async () => {
      const made = await sandbox.run(['sh', '-c', 'echo one; echo; printf "\\303\\244 two"'])
      const lines = []
      for await (const line of made) lines.push(line)
      expect(lines).toEqual(['one', '', 'ä two'])
    })

    test('of a process that never ends: leaving the loop closes its output', async () => {
      const made = await sandbox.run(['sleep', '1000'])
      const added = await made.exec({ args: ['yes'], stdin: 'ignore' })
      for await (const line of added) {
        expect(line).toBe('y')
        break
      }
      expect(await added.wait()).toMatchObject({ code: null, signal: 'SIGPIPE' })
    })

    test('of a terminal', async () => {
      const made = await sandbox.run(['echo', 'shown'], ({ process }) => { process.terminal = true })
      const lines = []
      for await (const line of made) lines.push(line)
      expect(lines).toEqual(['shown'])
    })
  })
})
