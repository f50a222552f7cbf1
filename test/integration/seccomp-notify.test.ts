/**
 * SCMP_ACT_NOTIFY: trapped system calls that a function of the caller answers. Source: seccomp_unotify(2).
 */
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { SeccompAnswer, SeccompCall, SeccompHandler } from '../../lib/index.ts'
import { nativeArchitecture } from '../../lib/seccomp/architectures.ts'
import { systemCalls } from '../../lib/seccomp/tables.ts'
import { cgroupsPathOf } from '../helpers/cgroup.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { isRunning, linkOf } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const number = (name: string): number => systemCalls(nativeArchitecture()).get(name)!
const probe = (name: string, ...args: (string | number)[]) => ['probe', 'call', ...[number(name), ...args].map(String)]
const trapped = (...names: string[]) => ({ linux }: TestSpec): void => {
  linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names, action: 'SCMP_ACT_NOTIFY' }] }
}
/** Keeps what it is called with. */
function recorder(answer: (call: SeccompCall) => SeccompAnswer | Promise<SeccompAnswer>) {
  const calls: SeccompCall[] = []
  const seccompNotify: SeccompHandler = (call) => {
    calls.push(call)
    return answer(call)
  }
  return { calls, seccompNotify }
}

describeWith([...container, 'compiler', 'cli'], 'seccompNotify', () => {
  const sandbox = useSandbox()
  const warnings = () => {
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => { spy.mockRestore() })
    return () => spy.mock.calls.map(([warning]) => String((warning as Error).message))
  }

  test('is told who calls what, and how', async () => {
    const { calls, seccompNotify } = recorder(() => ({ errno: 'EOPNOTSUPP' }))
    const made = await sandbox.run(probe('personality', '0x1122334455667788', 2, 3, 4, 5, '0xffffffffffffffff'), trapped('personality'), { seccompNotify })
    expect((await end(made)).stdout).toBe('95\n')
    expect(calls).toEqual([expect.objectContaining({
      container: made.id, pid: made.pid, name: 'personality', number: number('personality'), arch: `SCMP_ARCH_${nativeArchitecture()}`,
      args: [0x1122334455667788n, 2n, 3n, 4n, 5n, 2n ** 64n - 1n],
    })])
    expect(calls[0]!.instructionPointer).toBeGreaterThan(0n)
  })

  test.each<[string, SeccompAnswer, string]>([
    ['an errno by its number', { errno: 17 }, '17'], ['an errno by its name', { errno: 'ENOSPC' }, '28'],
    ['a value', { value: 77 }, '0'], ['a value that is an error for the C library', { value: -19n }, '19'],
    ['the call itself', { continue: true }, '0'],
  ])('answers with %s', async (_, answer, printed) => {
    const { stdout } = await sandbox.output(probe('getppid'), trapped('getppid'), { seccompNotify: () => answer })
    expect(stdout).toBe(`${printed}\n`)
  })

  test('the program sees the value', async () => {
    const { stdout } = await sandbox.output(['id', '-u'], trapped('getuid', 'geteuid'), { seccompNotify: async () => ({ value: 4242n }) })
    expect(stdout).toBe('4242\n')
  })

  test('the execve of the program is trapped too, and openat gets a descriptor of the host: its path is read in memory', async () => {
    const file = join(sandbox.directory, 'secret')
    writeFileSync(file, 'of the host')
    const fd = openSync(file, 'r')
    onTestFinished(() => closeSync(fd))
    const { calls, seccompNotify } = recorder(async (call) => {
      if (call.name !== 'openat') return { continue: true }
      return await call.readString(call.args[1]!) === '/no/such/file' ? { addFd: { fd, closeOnExec: true } } : { continue: true }
    })
    const { stdout } = await sandbox.output(['cat', '/no/such/file'], trapped('execve', 'openat'), { seccompNotify })
    expect(stdout).toBe('of the host')
    expect(calls.map(({ name }) => name)).toContain('execve')
  })

  test('addFd puts a descriptor under a number that is asked for, before the call is answered', async () => {
    const fd = openSync('/dev/null', 'r')
    onTestFinished(() => closeSync(fd))
    const seen: (number | string | undefined)[] = []
    const seccompNotify: SeccompHandler = async (call) => {
      seen.push(await call.addFd({ fd, number: 40 }), linkOf(`/proc/${call.pid}/fd/40`))
      seen.push(await call.addFd({ fd: 99_999 }).catch((error: { errno: string }) => error.errno))
      return { value: 0 }
    }
    await sandbox.output(probe('getppid'), trapped('getppid'), { seccompNotify })
    expect(seen).toEqual([40, '/dev/null', 'EBADF'])
  })

  test('readMemory stops where the memory ends, and refuses what is nowhere; readString has a longest text', async () => {
    const found: unknown[] = []
    const errno = ({ errno }: { errno: string }): string => errno
    const seccompNotify: SeccompHandler = async (call) => {
      if (call.name === 'uname') {
        const stack = await call.readMemory(call.args[0]!, 1 << 20)
        found.push(stack.length > 0 && stack.length < 1 << 20)
        found.push(await call.readMemory(16n, 8).catch(errno), await call.readMemory(1n << 63n, 8).catch(errno))
      } else if (found.length === 0) {
        found.push(await call.readString(call.args[0]!), await call.readString(call.args[0]!, 10))
        found.push((await rejection(call.readString(call.args[0]!, 9))).code)
      }
      return { continue: true }
    }
    await sandbox.output(['uname'], trapped('execve', 'uname'), { seccompNotify })
    expect(found).toEqual(['/bin/uname', '/bin/uname', 'ERR_NATIVE', true, 'EFAULT', 'EFAULT'])
  })

  test('many calls wait at a time, and each gets its own answer', async () => {
    const waiting: (() => void)[] = []
    const { calls, seccompNotify } = recorder((call) => new Promise((resolve) => {
      waiting.push(() => resolve({ errno: Number(call.args[0]) }))
      if (waiting.length === 20) for (const go of waiting.reverse()) go()
    }))
    const script = `for n in $(seq 1 20); do probe call ${number('personality')} $n & done; wait`
    const { stdout } = await sandbox.output(['sh', '-c', script], trapped('personality'), { seccompNotify })
    expect(stdout.trim().split('\n').map(Number).sort((one, other) => one - other)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
    expect(new Set(calls.map(({ id }) => id)).size).toBe(20)
  })

  test('a handler that never answers: the container is killed all the same, its signal is aborted, nothing stays', async () => {
    const descriptors = readdirSync('/proc/self/fd').length
    await leavesNothing(sandbox, async () => {
      let call: SeccompCall | undefined
      const arrived = new Promise<void>((resolve) => {
        void sandbox.run(probe('getppid'), trapped('getppid'), {
          seccompNotify: (one) => new Promise(() => {
            call = one
            resolve()
          }),
        })
      })
      await arrived
      const [made] = await sandbox.runtime.list()
      const aborted = once(call!.signal, 'abort')
      expect(call!.signal.aborted).toBe(false)
      await made!.kill('SIGKILL')
      await aborted
      await expect(call!.readMemory(call!.instructionPointer, 1)).rejects.toMatchObject({ errno: 'ENOENT' })
      await expect(call!.addFd({ fd: 0 })).rejects.toMatchObject({ errno: 'ENOENT' })
      await expect.poll(() => isRunning(call!.pid)).toBe(false)
      await made!.delete({ force: true })
    })
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors)
  })

  test('one that lets the execve of the program wait: the option timeout ends the call', async () => {
    await leavesNothing(sandbox, async () => {
      const error = await rejection(sandbox.run(['true'], trapped('execve'), { seccompNotify: () => new Promise(() => {}), timeout: 300, gracePeriod: 0 }))
      expect(error.code).toBe('ERR_TIMEOUT')
    })
  })

  test('an answer that comes too late is none, and no warning', async () => {
    const warned = warnings()
    let answered: Promise<unknown> | undefined
    const script = `probe call ${number('personality')} & sleep 0.2; kill -9 $!; wait; echo over`
    const made = await sandbox.run(['sh', '-c', script], trapped('personality'), {
      seccompNotify: async ({ pid }) => {
        answered = (async () => { while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 10)) })()
        await answered
        return { value: 1 }
      },
    })
    expect((await end(made)).stdout).toBe('over\n')
    await answered
    expect(warned()).toEqual([])
  })

  test.each<[string, SeccompHandler, string]>([
    ['throws', () => { throw new Error('out of order') }, 'out of order'],
    ['rejects', () => Promise.reject(new Error('later')), 'later'],
    ['gives nothing', () => undefined as never, 'seccompNotify must give'],
    ['gives two answers', () => ({ value: 1, errno: 1 }) as never, 'seccompNotify must give'],
    ['gives an errno that there is not', () => ({ errno: 'ENOTHING' }), 'ENOTHING'],
    ['gives an errno that is too high', () => ({ errno: 4096 }), '4096'],
    ['gives a value that is too large', () => ({ value: 2n ** 63n }), '9223372036854775808'],
    ['gives a descriptor that is not open', () => ({ addFd: { fd: 99_999 } }), 'EBADF'],
  ])('a handler that %s: the call gets EPERM, and a warning says why', async (_, seccompNotify, words) => {
    const warned = warnings()
    const { stdout } = await sandbox.output(probe('getppid'), trapped('getppid'), { seccompNotify })
    expect(stdout).toBe('1\n')
    expect(warned()).toEqual([expect.stringContaining(words)])
    expect(warned()[0]).toContain('getppid')
  })

  test('of a created container, whose start is trapped as well; exec has the same handler, or one of its own', async () => {
    const { calls, seccompNotify } = recorder(({ name }) => (name === 'execve' ? { continue: true } : { errno: 41 }))
    const made = sandbox.keep(await sandbox.create(['sleep', '1000'], trapped('execve', 'getppid'), { seccompNotify }))
    await made.start()
    expect(calls.map(({ name, pid }) => [name, pid])).toEqual([['execve', made.pid]])
    expect((await made.execute({ args: probe('getppid') })).stdout).toBe('41')
    const own: SeccompHandler = ({ name }) => (name === 'execve' ? { continue: true } : { errno: 42 })
    expect((await made.execute({ args: probe('getppid'), seccompNotify: own })).stdout).toBe('42')
    // Another process has no handler.
    const loaded = await sandbox.runtime.load(made.id)
    expect(await rejection(loaded.exec({ args: ['true'] }))).toMatchObject({ code: 'ERR_CONFIG_INVALID', field: '/linux/seccomp/listenerPath' })
    expect((await loaded.execute({ args: probe('getppid'), seccompNotify: own })).stdout).toBe('42')
  })

  test('of templates and pools, for each start', async () => {
    const answer = (errno: number): SeccompHandler => () => ({ errno })
    const spec = sandbox.spec(probe('getppid'), trapped('getppid'))
    await using template = await sandbox.runtime.compile({ bundle: sandbox.directory, spec })
    for (const errno of [31, 32]) expect((await template.execute({ seccompNotify: answer(errno) })).stdout).toBe(String(errno))
    await using pool = await sandbox.runtime.pool({ bundle: sandbox.directory, spec, size: 1, cgroupsParent: `/${sandbox.id()}` })
    for (const errno of [33, 34]) expect((await end(await pool.acquire({ seccompNotify: answer(errno), stdin: 'ignore' }))).stdout).toBe(`${errno}\n`)
  })

  test('when the thread that answers is terminated, waiting calls fail with ENOSYS, and later ones too', async () => {
    const call = `probe call ${number('personality')}`
    const id = sandbox.id()
    const spec = sandbox.spec(['sh', '-c', `exec > /dev/shm/out; ${call}; ${call}; echo done; sleep 1000`], (given) => {
      trapped('personality')(given)
      given.linux.cgroupsPath = cgroupsPathOf(id)
    })
    const script = `
      import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}).then(({ Runtime }) => {
        const { parentPort } = require('node:worker_threads')
        new Runtime({ root: ${JSON.stringify(sandbox.root)} }).run({
          id: ${JSON.stringify(id)}, bundle: '/', spec: ${JSON.stringify(spec)}, stdin: 'ignore',
          seccompNotify: (call) => new Promise(() => parentPort.postMessage(call.name)),
        })
      })`
    const worker = new Worker(script, { eval: true })
    expect(await once(worker, 'message')).toEqual(['personality'])
    await worker.terminate()
    const made = await sandbox.runtime.load(id)
    await expect.poll(() => made.readFile('/dev/shm/out', { encoding: 'utf8' }), { timeout: 30_000 }).toBe('38\n38\ndone\n')
  })

  test('exactly one answers: not the socket of the config too; and something is trapped', async () => {
    const seccompNotify: SeccompHandler = () => ({ continue: true })
    const socket = ({ linux }: TestSpec): void => { Object.assign(linux.seccomp!, { listenerPath: '/run/agent' }) }
    const refusals: [(spec: TestSpec) => void, string][] = [
      [(spec) => { trapped('getppid')(spec); socket(spec) }, '/linux/seccomp/listenerPath'],
      [(spec) => { trapped('getppid')(spec); spec.annotations = { 'run.oci.seccomp.receiver': '/run/agent' } }, '/annotations/run.oci.seccomp.receiver'],
      [() => {}, '/linux/seccomp'],
    ]
    await leavesNothing(sandbox, async () => {
      for (const [change, field] of refusals) {
        expect(await rejection(sandbox.run(['true'], change, { seccompNotify }))).toMatchObject({ code: 'ERR_OPTION_INVALID', field, operand: 'seccompNotify' })
      }
      expect(await rejection(sandbox.run(['true'], trapped('getppid'), { seccompNotify: 1 as never }))).toMatchObject({ code: 'ERR_OPTION_INVALID' })
    })
  })
})
