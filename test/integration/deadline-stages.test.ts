/**
 * A call that is ended while it waits: wherever that is, it says so, and leaves nothing.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type CreateOptions, type Hook, Runtime } from '../../lib/index.ts'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { isRunning, until } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { Peer } from '../helpers/peer.ts'

describeWith([...container, 'compiler'], 'a call that is ended while it waits', () => {
  const sandbox = useSandbox()
  const peers: Peer[] = []
  let count = 0
  beforeAll(() => sandbox.output(['true'])) // what the library opens once
  afterEach(() => { for (const peer of peers.splice(0)) peer.close() })
  const run = (options: CreateOptions, change?: (spec: TestSpec) => void, how: 'create' | 'run' = 'run') => {
    const { id, bundle } = sandbox.bundle(['true'], change)
    return sandbox.runtime[how]({ id, bundle, stdin: 'ignore', ...options })
  }
  /** What listens there accepts nobody. */
  const busy = async (): Promise<string> => {
    const path = join(sandbox.directory, `busy-${++count}.sock`)
    const peer = new Peer('full', path)
    peers.push(peer)
    await peer.says(/^full$/m)
    return path
  }
  /** Says its pid, and does not end. */
  const stuck = (file: string): Hook => ({ path: '/bin/sh', args: ['sh', '-c', `echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 1000`] })
  const ended = (work: (signal: AbortSignal) => Promise<unknown>, arrived: () => boolean | Promise<boolean>) => leavesNothing(sandbox, async () => {
    const controller = new AbortController()
    const error = rejection(work(controller.signal))
    await Promise.race([until(arrived), error.then(({ message }) => { throw new Error(`it failed before: ${message}`) })])
    controller.abort()
    return (await error).code
  })

  test.each(['abort', 'timeout'])('for its turn: %s', async (how) => {
    const runtime = new Runtime({ root: sandbox.root, startsAtOnce: 1 })
    const [first, second] = [sandbox.bundle(['true']), sandbox.bundle(['true'])]
    let proceed = (): void => {}
    const slow = runtime.run({ ...first, stdin: 'ignore', hooks: { createRuntime: () => new Promise<void>((resolve) => { proceed = resolve }) } })
    const controller = new AbortController()
    const error = rejection(runtime.run({ ...second, ...(how === 'abort' ? { signal: controller.signal } : { timeout: 50 }) }))
    controller.abort()
    expect((await error).code).toBe(how === 'abort' ? 'ERR_ABORTED' : 'ERR_TIMEOUT')
    expect(existsSync(join(sandbox.root, second.id))).toBe(false)
    await until(() => { proceed(); return existsSync(join(sandbox.root, first.id, 'state.json')) })
    await sandbox.keep(await slow).wait()
  })

  test.each([['run', {}], ['create', {}], ['run', { terminal: true }]] as const)('for a socket whose listener is busy: %s %j', async (how, { terminal }: { terminal?: boolean }) => {
    const path = await busy()
    const options = terminal ? { consoleSocket: path, stdin: undefined } : { pidfdSocket: path }
    const error = await leavesNothing(sandbox, () => rejection(run({ ...options, timeout: 300 }, (spec) => { spec.process.terminal = terminal ?? false }, how)))
    expect([error.code, error.message]).toEqual(['ERR_TIMEOUT', 'timed out after 300 ms'])
  })

  test('for such a socket: exec, and acquire', async () => {
    const pidfdSocket = await busy()
    const made = await sandbox.run(['sleep', '1000'])
    const error = await leavesNothing(sandbox, () => rejection(made.exec({ args: ['true'], pidfdSocket, timeout: 300 })))
    expect(error.code).toBe('ERR_TIMEOUT')
    await leavesNothing(sandbox, async () => {
      const spec = sandbox.spec(['true'])
      await using pool = await sandbox.runtime.pool({ bundle: sandbox.directory, spec, size: 1, cgroupsParent: `/${sandbox.id()}` })
      expect((await rejection(pool.acquire({ pidfdSocket, timeout: 300 }))).code).toBe('ERR_TIMEOUT')
    })
  })

  test('for who is to answer trapped system calls', async () => {
    const listenerPath = await busy()
    const trap = ({ linux }: TestSpec): void => {
      linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', listenerPath, syscalls: [{ names: ['getppid'], action: 'SCMP_ACT_NOTIFY' }] }
    }
    expect((await leavesNothing(sandbox, () => rejection(run({ timeout: 300 }, trap)))).code).toBe('ERR_TIMEOUT')
  })

  describe.each(['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart'] as const)('for a hook: %s', (kind) => {
    test.each([['a pid namespace of its own', true], ['that of the host', false]])('%s', async (_, own) => {
      const file = join(sandbox.directory, `hook-${++count}`)
      const rootfs = kind === 'startContainer' ? sandbox.rootfs() : undefined
      const code = await ended((signal) => run({ signal }, (spec) => {
        spec.hooks = { [kind]: [stuck(rootfs === undefined ? file : '/pid')] }
        if (rootfs !== undefined) spec.root = { path: rootfs }
        if (!own) spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'pid')
      }), () => existsSync(rootfs === undefined ? file : join(rootfs, 'pid')))
      expect(code).toBe('ERR_ABORTED')
      const pid = Number(readFileSync(rootfs === undefined ? file : join(rootfs, 'pid'), 'utf8'))
      // In a namespace of its own it has another number there, and leavesNothing has looked.
      if (!own || ['prestart', 'createRuntime', 'poststart'].includes(kind)) await until(() => !isRunning(pid))
    })
  })

  test('for a hook that is a function', async () => {
    let arrived = false
    const hooks = { createRuntime: () => new Promise<void>(() => { arrived = true }) }
    expect(await ended((signal) => run({ signal, hooks }), () => arrived)).toBe('ERR_ABORTED')
  })

  test('for a paused container: exec', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    await made.pause()
    const error = rejection(made.exec({ args: ['true'], ignorePaused: true, timeout: 300, gracePeriod: 0 }))
    expect((await error).code).toBe('ERR_TIMEOUT')
    await made.resume()
  })
})
