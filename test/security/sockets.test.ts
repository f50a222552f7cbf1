/**
 * Whoever listens at a console socket, a pidfd socket or a seccomp listener, and means ill: closes the connection, never reads,
 * sends descriptors of the host's directories. The call fails or succeeds; nothing of it reaches the container, and nothing
 * is left.
 */
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { CreateOptions } from '../../lib/index.ts'
import { NruncError } from '../../lib/index.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { Peer } from '../helpers/peer.ts'

const terminal = ({ process }: TestSpec): void => { process.terminal = true }

describeWith([...container, 'compiler'], 'a listener that means ill', () => {
  const sandbox = useSandbox()
  const peers: Peer[] = []
  let count = 0
  afterEach(() => { for (const peer of peers.splice(0)) peer.close() })
  const listen = async (how: 'close' | 'stuff') => {
    const path = join(sandbox.directory, `ill-${++count}.sock`)
    const peer = new Peer(how, path)
    peers.push(peer)
    await peer.says(/^listening$/m)
    return { path, peer }
  }
  const listening = (path: string) => ({ linux }: TestSpec): void => {
    linux.seccomp = { listenerPath: path, defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['personality'], action: 'SCMP_ACT_NOTIFY' }] }
  }

  /** Until it was refused: the other end may take its time to close. */
  const refused = async (start: () => Promise<unknown>): Promise<NruncError> => {
    for (let left = 100; left > 0; left--) {
      try {
        await start()
      } catch (error) {
        if (error instanceof NruncError) return error
        throw error
      }
    }
    throw new Error('it was never refused')
  }

  test('a console socket that is closed: an error of its field, and nothing is left', async () => {
    const { path } = await listen('close')
    await sandbox.output(['true'])
    await leavesNothing(sandbox, async () => {
      const error = await refused(async () => (await sandbox.create(['true'], terminal, { consoleSocket: path })).delete({ force: true }))
      expect(error).toMatchObject({ code: 'ERR_INIT', field: '/process/terminal', syscall: 'sendmsg', errno: 'EPIPE', operand: 'console socket' })
    })
  })

  test('a console socket of exec that is closed: an error, and the container goes on', async () => {
    const { path } = await listen('close')
    const made = await sandbox.run(['sleep', '1000'])
    await leavesNothing(sandbox, async () => {
      const error = await refused(async () => (await made.exec({ args: ['true'], terminal: true, consoleSocket: path })).wait())
      expect(error).toMatchObject({ syscall: 'sendmsg', errno: 'EPIPE', operand: 'console socket' })
    })
    expect((await made.state()).status).toBe('running')
  })

  test('a pidfd socket that is closed before init sends', async () => {
    const { path, peer } = await listen('close')
    await sandbox.output(['true'])
    await leavesNothing(sandbox, async () => {
      const hooks: CreateOptions['hooks'] = { createRuntime: [async () => { await peer.says(/^closed$/m) }] }
      const error = await rejection(sandbox.create(['true'], undefined, { pidfdSocket: path, hooks }))
      expect(error).toMatchObject({ code: 'ERR_INIT', syscall: 'sendmsg', errno: 'EPIPE', operand: 'pidfd socket' })
    })
  })

  test('a seccomp listener that closes before it has the descriptor: an error, and nothing is left', async () => {
    const { path } = await listen('close')
    await sandbox.output(['true'])
    await leavesNothing(sandbox, async () => {
      const error = await refused(() => sandbox.output(['true'], listening(path)))
      expect(error).toMatchObject({ code: 'ERR_NATIVE', field: '/linux/seccomp/listenerPath', syscall: 'sendmsg', errno: 'EPIPE', operand: path })
    })
  })

  test('sockets that are stuffed with directories of the host, and never read: the container has none of them', async () => {
    const { path, peer } = await listen('stuff')
    const plain = ['0', '1', '2', '3'] // the last is the directory that ls reads
    await leavesNothing(sandbox, async () => {
      const list = ['sh', '-c', 'ls /proc/self/fd']
      const hooks: CreateOptions['hooks'] = { createRuntime: [async () => { await peer.says(/^stuffed$/m) }] }
      const first = await sandbox.run(list, undefined, { pidfdSocket: path, hooks })
      expect((await end(first)).stdout.trim().split('\n')).toEqual(plain)
      await first.delete()
      const made = await sandbox.run(['sleep', '1000'], terminal, { consoleSocket: path })
      const script = 'ls -l /proc/1/fd | grep -c " -> "'
      expect((await made.execute({ args: ['sh', '-c', script] })).stdout).toBe('3')
      const added = await made.exec({ args: list, pidfdSocket: path, stdin: 'ignore' })
      expect((await end(added)).stdout.trim().split('\n')).toEqual(plain)
      await made.delete({ force: true })
      const seccomp = await sandbox.output(list, listening(path))
      expect(seccomp.stdout.trim().split('\n')).toEqual(plain)
    })
  })
})
