/**
 * What a container can do to the function that answers its system calls: arguments that lead nowhere or everywhere, threads
 * that end and whose id is given away (seccomp_unotify(2), "the target may terminate"), memory that changes while it is read.
 */
import { expect, test } from 'vitest'
import type { SeccompHandler } from '../../lib/index.ts'
import { nativeArchitecture } from '../../lib/seccomp/architectures.ts'
import { systemCalls } from '../../lib/seccomp/tables.ts'
import { cgroupsPathOf } from '../helpers/cgroup.ts'
import { runProgram } from '../helpers/cli.ts'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const personality = systemCalls(nativeArchitecture()).get('personality')!
const trapped = ({ linux }: TestSpec): void => {
  linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['personality'], action: 'SCMP_ACT_NOTIFY' }] }
}
const library = new URL('../../dist/index.js', import.meta.url).href

describeWith([...container, 'compiler', 'cli', 'mountNamespaces'], 'a container whose system calls are answered', () => {
  const sandbox = useSandbox()

  test('an address anywhere, the last page too, is an error at once', async () => {
    const edges = [0n, 1n, 4096n, 1n << 47n, (1n << 63n) - 1n, 1n << 63n, ...[4097n, 4096n, 4095n, 100n, 50n, 1n].map((left) => (1n << 64n) - left)]
    const found = new Map<string, unknown>()
    const errno = (error: { errno?: string, code: string }): string => error.errno ?? error.code
    const seccompNotify: SeccompHandler = async (call) => {
      for (const length of [1, 50, 4096, 1 << 20]) {
        const results = edges.map((address) => call.readMemory(address, length).catch(errno))
        found.set(`${length} bytes`, new Set(await Promise.all(results)))
      }
      found.set('text', new Set(await Promise.all(edges.map((address) => call.readString(address).catch(errno)))))
      return { value: 0 }
    }
    await sandbox.output(['probe', 'call', String(personality)], trapped, { seccompNotify })
    expect([...found]).toEqual(['1 bytes', '50 bytes', '4096 bytes', '1048576 bytes', 'text'].map((what) => [what, new Set(['EFAULT'])]))
  })

  test('a thread that has ended, and whose id is that of a process of the host by now: nothing of that is read', async () => {
    const id = sandbox.id()
    const spec = sandbox.spec(['sh', '-c', `probe call ${personality} & wait; exec sleep 1000`], (given) => {
      trapped(given)
      given.linux.cgroupsPath = cgroupsPathOf(id)
    })
    const script = `
      import { spawn } from 'node:child_process'
      import { existsSync, readFileSync, writeFileSync } from 'node:fs'
      import { setTimeout as sleep } from 'node:timers/promises'
      const { Runtime } = await import(${JSON.stringify(library)})
      const recycle = async (pid) => {
        while (existsSync('/proc/' + pid)) await sleep(1)
        for (let left = 200; left > 0; left--) {
          writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1))
          const other = spawn('sleep', ['1000'], { stdio: 'ignore' })
          if (other.pid === pid) return other
          other.kill('SIGKILL')
        }
        throw new Error('the pid was not given again')
      }
      const errno = (error) => error.errno
      const stackOf = (pid) => BigInt('0x' + /^([0-9a-f]+)-.*\\[stack\\]$/m.exec(readFileSync('/proc/' + pid + '/maps', 'latin1'))[1])
      let done
      const asked = new Promise((resolve) => { done = resolve })
      const made = await new Runtime({ root: ${JSON.stringify(sandbox.root)} }).run({
        ...${JSON.stringify({ id, spec, bundle: '/', stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })},
        seccompNotify: async (call) => {
          const own = await call.readMemory(stackOf(call.pid), 8).then(({ length }) => length)
          console.log('before', await call.waits(), own)
          process.kill(call.pid, 'SIGKILL')
          const other = await recycle(call.pid)
          while (readFileSync('/proc/' + other.pid + '/comm', 'latin1') !== 'sleep\\n') await sleep(1)
          console.log('after', await call.waits(), await call.readMemory(stackOf(other.pid), 8).catch(errno), await call.addFd({ fd: 0 }).catch(errno))
          other.kill('SIGKILL')
          done()
          return { value: 0 }
        },
      })
      await asked
      await made.delete({ force: true })
      process.exit()`
    const { stdout, stderr } = await runProgram(['unshare', '--pid', '--fork', '--mount-proc', process.execPath, '--input-type=module', '-e', script])
    expect([stderr, stdout]).toEqual(['', 'before true 8\nafter false ENOENT ENOENT\n'])
  })
})
