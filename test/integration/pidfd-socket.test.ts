/**
 * `--pidfd-socket`: a descriptor of the process itself, for whoever wants to watch it without a pid.
 */
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { end, rejection, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { Peer } from '../helpers/peer.ts'

describeWith([...container, 'cli', 'compiler'], 'a pidfd socket', () => {
  const sandbox = useSandbox()
  const peers: Peer[] = []
  let count = 0
  afterEach(() => {
    for (const peer of peers.splice(0)) peer.close()
  })
  const listen = async (how: 'receive' | 'full') => {
    const path = join(sandbox.directory, `pidfd-${++count}.sock`)
    const peer = new Peer(how, path)
    peers.push(peer)
    await peer.says(how === 'full' ? /^full$/m : /^listening$/m)
    return { path, peer }
  }
  const pidOf = async (id: string) => (JSON.parse((await sandbox.nrunc(['state', id])).stdout) as { pid: number }).pid

  test('create sends that of init, before it returns', async () => {
    const { id, bundle } = sandbox.bundle(['true'])
    const { path, peer } = await listen('receive')
    expect(await sandbox.nrunc(['create', '--pidfd-socket', path, '-b', bundle, id])).toEqual({ code: 0, stdout: '', stderr: '' })
    expect((await peer.says(/^received (.*)$/m))[1]).toBe('standard 1')
    expect(Number((await peer.says(/^Pid:\t(\d+)$/m))[1])).toBe(await pidOf(id))
    expect(peer.said).not.toContain('ended')
    await sandbox.nrunc(['start', id])
    await peer.says(/^ended$/m)
  })

  test.each([['run', []], ['run in a pid namespace that is joined', ['pid']]])('%s', async (_, joined) => {
    const host = await sandbox.run(['sleep', '1000'])
    const { id, bundle } = sandbox.bundle(['sleep', '1000'], ({ linux }) => {
      if (joined.length === 0) return
      linux.namespaces = linux.namespaces.map((one) => one.type === 'pid' ? { type: 'pid', path: `/proc/${host.pid}/ns/pid` } : one)
    })
    const { path, peer } = await listen('receive')
    expect(await sandbox.nrunc(['run', '-d', '--pidfd-socket', path, '-b', bundle, id])).toMatchObject({ code: 0 })
    expect(Number((await peer.says(/^Pid:\t(\d+)$/m))[1])).toBe(await pidOf(id))
  })

  test('exec sends that of the new process', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const { path, peer } = await listen('receive')
    expect(await sandbox.nrunc(['exec', '--pidfd-socket', path, made.id, 'sh', '-c', 'exit 3'])).toMatchObject({ code: 3 })
    expect((await peer.says(/^received (.*)$/m))[1]).toBe('setns 1')
    await peer.says(/^ended$/m)
  })

  test('the program has no descriptor of it', async () => {
    const { path } = await listen('receive')
    const made = await sandbox.run(['ls', '/proc/self/fd'], undefined, { pidfdSocket: path })
    expect((await end(made)).stdout).toBe('0\n1\n2\n3\n') // 3 is the directory that ls reads
  })

  test('nobody listens: an error, and nothing is left', async () => {
    const error = await rejection(sandbox.run(['true'], undefined, { id: 'none', pidfdSocket: '/nonexistent/socket' }))
    expect(error).toMatchObject({ code: 'ERR_NATIVE', errno: 'ENOENT', syscall: 'connect' })
    expect(await sandbox.runtime.list()).toEqual([])
  })

  test('a listener that is busy is waited for, without blocking this process', async () => {
    const { path, peer } = await listen('full')
    let turns = 0
    const ticking = setInterval(() => {
      if (++turns === 3) peer.write('go\n')
    }, 5)
    const made = await sandbox.run(['sleep', '1000'], undefined, { pidfdSocket: path })
    clearInterval(ticking)
    await peer.says(/^accepted$/m)
    expect(made.pid).toBeGreaterThan(0)
  })
})
