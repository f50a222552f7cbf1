/**
 * SCMP_ACT_NOTIFY: whoever listens at listenerPath gets the descriptor of each process, and answers its calls, the execve
 * of its program too. Source: config-linux.md "Seccomp", seccomp_unotify(2).
 */
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { nativeArchitecture } from '../../lib/seccomp/architectures.ts'
import { systemCalls } from '../../lib/seccomp/tables.ts'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { Peer } from '../helpers/peer.ts'

const number = (name: string): number => systemCalls(nativeArchitecture()).get(name)!

interface ProcessState {
  readonly fds: readonly string[]
  readonly pid: number
  readonly metadata?: string
  readonly state: { readonly id: string; readonly status: string; readonly pid: number; readonly bundle: string }
}

describeWith([...container, 'compiler'], 'seccomp listener', () => {
  const sandbox = useSandbox()
  let count = 0
  let agent: Peer | undefined
  afterEach(() => agent?.close())

  const listen = async (): Promise<string> => {
    const path = join(sandbox.directory, `agent${++count}`)
    agent = new Peer('agent', path)
    await agent.says(/listening/)
    return path
  }
  const trapped = (listenerPath: string | undefined, ...names: string[]) => ({ linux }: TestSpec): void => {
    linux.seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names, action: 'SCMP_ACT_NOTIFY' }],
      ...(listenerPath === undefined ? {} : { listenerPath, listenerMetadata: 'some data' }),
    }
  }
  const stateOf = async (pattern: RegExp): Promise<ProcessState> => JSON.parse((await agent!.says(pattern))[1]!) as ProcessState

  test('gets the descriptor with the state of the process, and answers', async () => {
    const path = await listen()
    const made = sandbox.keep(await sandbox.run(['probe', 'call', String(number('getppid'))], trapped(path, 'getppid')))
    expect(await made.wait()).toMatchObject({ code: 0 })
    await agent!.says(new RegExp(`call ${number('getppid')} `))
    const { fds, pid, metadata, state } = await stateOf(/state (.*)/)
    expect({ fds, pid, metadata }).toEqual({ fds: ['seccompFd'], pid: made.pid, metadata: 'some data' })
    expect(state).toMatchObject({ id: made.id, status: 'creating', pid: made.pid, bundle: made.bundle })
    await agent!.says(/gone/)
  })

  test('its answer is the result of the call', async () => {
    const { stdout } = await sandbox.output(['probe', 'call', String(number('getppid'))], trapped(await listen(), 'getppid'))
    expect(stdout).toBe('95\n')
  })

  test.each([['with no_new_privs', true], ['without', false]])('the execve of the program is trapped as well, %s', async (_, noNewPrivileges) => {
    const change = trapped(await listen(), 'execve')
    const { stdout, code } = await sandbox.output(['echo', 'executed'], (spec) => {
      change(spec)
      spec.process.noNewPrivileges = noNewPrivileges
    })
    expect({ stdout, code }).toEqual({ stdout: 'executed\n', code: 0 })
    await agent!.says(new RegExp(`call ${number('execve')} `))
  })

  test('what init would call to send the descriptor may be trapped too', async () => {
    const path = await listen()
    const names = ['sendmsg', 'sendto', 'close', 'fcntl', 'nanosleep', 'exit', 'getppid']
    const { stdout } = await sandbox.output(['probe', 'call', String(number('getppid'))], trapped(path, ...names))
    expect(stdout).toBe('95\n')
  })

  test('of a created container, before it is started; and exec has one of its own', async () => {
    const path = await listen()
    const made = sandbox.keep(await sandbox.create(['sleep', '1000'], trapped(path, 'getppid')))
    expect(await stateOf(/state (.*)/)).toMatchObject({ pid: made.pid })
    await made.start()
    const { stdout } = await made.execute({ args: ['probe', 'call', String(number('getppid'))] })
    expect(stdout).toBe('95')
    const second = await stateOf(/state .*\n(?:.*\n)*?state (.*)/)
    expect(second).toMatchObject({ fds: ['seccompFd'], state: { id: made.id, status: 'running', pid: second.pid } })
    expect(second.pid).not.toBe(made.pid)
    await made.kill('SIGKILL')
  })

  test('the annotation of crun names a receiver where the profile does not', async () => {
    const path = await listen()
    const change = trapped(undefined, 'getppid')
    const { stdout } = await sandbox.output(['probe', 'call', String(number('getppid'))], (spec) => {
      change(spec)
      Object.assign(spec, { annotations: { 'run.oci.seccomp.receiver': path } })
    })
    expect(stdout).toBe('95\n')
  })

  test('nobody named, or nobody there, is an error that names the field', async () => {
    const field = '/linux/seccomp/listenerPath'
    await expect(sandbox.run(['true'], trapped(undefined, 'getppid')))
      .rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID', field, message: expect.stringContaining('seccomp listenerPath is not set') as string })
    for (const make of [sandbox.run, sandbox.create]) {
      await expect(make(['sleep', '1000'], trapped(join(sandbox.directory, 'nobody'), 'getppid'))).rejects.toMatchObject({ field, errno: 'ENOENT' })
    }
  })

  test('a listener that nothing is trapped for is ignored', async () => {
    const { code } = await sandbox.output(['true'], ({ linux }) => {
      linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: join(sandbox.directory, 'nobody') }
    })
    expect(code).toBe(0)
  })
})
