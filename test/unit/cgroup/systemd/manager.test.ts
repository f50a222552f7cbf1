import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ServiceManager } from '../../../../lib/cgroup/systemd/manager.ts'
import { startScope } from '../../../../lib/cgroup/systemd/driver.ts'
import type { Message } from '../../../../lib/dbus/message.ts'
import { Variant } from '../../../../lib/dbus/wire.ts'
import { NruncError } from '../../../../lib/errors.ts'
import { type Answer, FakeServer } from '../../dbus/server.ts'

const error = (name: string, text: string): Answer => ({ error: `org.freedesktop.systemd1.${name}`, body: [text] })
const removed = (unit: string, job: string, result = 'done'): Partial<Message> => ({
  interface: 'org.freedesktop.systemd1.Manager', member: 'JobRemoved', signature: 'uoss', body: [1, job, unit, result],
})
const job = (unit: string, result = 'done', more: Partial<Answer> = {}): Answer => ({
  signature: 'o', body: ['/job/1'], signals: [removed('other.scope', '/job/9'), removed(unit, '/job/8'), removed(unit, '/job/1', result)],
  ...more,
})

describe('the service manager', () => {
  let server: FakeServer
  let answers: Record<string, (call: Message) => Answer>
  beforeEach(async () => {
    server = new FakeServer()
    await server.listen()
    answers = {}
    server.answer = (call) => answers[call.member!]?.(call) ?? {}
    vi.stubEnv('DBUS_SYSTEM_BUS_ADDRESS', `unix:path=/nonexistent/first;unix:path=${server.path}`)
  })
  afterEach(async () => {
    const last = await connect().catch(() => undefined)
    vi.unstubAllEnvs()
    server.close()
    await vi.waitFor(() => expect(last?.open).not.toBe(true)) // the next test has a server of its own
  })
  const connect = () => ServiceManager.connect('system')
  const failure = async (promise: Promise<unknown>): Promise<NruncError> => {
    const reason = await promise.then(() => undefined, (cause: unknown) => cause)
    if (reason instanceof NruncError) return reason
    throw new Error(`not refused: ${String(reason)}`)
  }

  test('one connection for all, a new one when it has ended', async () => {
    const [one, two] = [await connect(), await connect()]
    expect(one).toBe(two)
    expect(server.members).toEqual(['Hello', 'AddMatch', 'Subscribe'])
    for (const socket of server.connections) socket.destroy()
    await vi.waitFor(async () => expect(await connect()).not.toBe(one))
  })

  test.each([false, true])('a scope: its properties, and the end of its job (told before the answer: %s)', async (signalsFirst) => {
    answers['StartTransientUnit'] = () => job('nrunc-a.scope', 'done', { signalsFirst })
    await startScope({ unit: 'nrunc-a.scope', slice: 's.slice', manager: 'system' }, {
      id: 'a', pid: 42, annotations: { 'org.systemd.property.CollectMode': "'inactive'", other: 'x' },
      limits: [{ file: 'pids.max', value: '7', field: '', optional: false }],
    })
    const [unit, mode, properties, auxiliary] = server.calls.at(-1)!.body as [string, string, [string, Variant][], unknown[]]
    expect([unit, mode, auxiliary]).toEqual(['nrunc-a.scope', 'replace', []])
    expect(properties.filter(([name]) => !name.endsWith('Accounting')).map(([name, { value }]) => [name, value])).toEqual([
      ['Description', 'nrunc container a'], ['Slice', 's.slice'], ['Delegate', true], ['PIDs', [42]],
      ['DefaultDependencies', false], ['CollectMode', 'inactive-or-failed'], ['TasksMax', 7n], ['CollectMode', 'inactive'],
    ])
  })

  test('a unit that has failed is forgotten, and started once more', async () => {
    let count = 0
    answers['StartTransientUnit'] = () => (count++ === 0 ? error('UnitExists', 'Unit a.scope already exists.') : job('a.scope'))
    await (await connect()).startUnit('a.scope', [])
    expect(server.members.slice(3)).toEqual(['StartTransientUnit', 'ResetFailedUnit', 'StartTransientUnit'])
  })

  test('one that exists is refused, and stays', async () => {
    answers['StartTransientUnit'] = () => error('UnitExists', 'Unit a.scope already exists.')
    expect(await failure((await connect()).startUnit('a.scope', []))).toMatchObject({
      code: 'ERR_CGROUP', step: 'startUnit', field: '/linux/cgroupsPath', operand: 'a.scope',
      message: 'unable to start unit "a.scope": Unit a.scope already exists.',
    })
    expect(server.members).not.toContain('StopUnit')
  })

  test('one whose job fails is stopped again', async () => {
    answers['StartTransientUnit'] = () => job('a.scope', 'failed')
    answers['StopUnit'] = () => error('NoSuchUnit', 'Unit a.scope not loaded.')
    expect((await failure((await connect()).startUnit('a.scope', []))).message)
      .toBe('unable to start unit "a.scope": the job ended with "failed"')
    expect(server.members).toContain('StopUnit')
  })

  test('stopping waits for the job; a unit that is gone is no error, another refusal is', async () => {
    const manager = await connect()
    answers['StopUnit'] = () => job('a.scope')
    await manager.stopUnit('a.scope')
    answers['StopUnit'] = () => error('NoSuchUnit', 'Unit a.scope not loaded.')
    await manager.stopUnit('a.scope')
    answers['StopUnit'] = () => ({ error: 'org.freedesktop.DBus.Error.AccessDenied', body: ['no'] })
    expect((await failure(manager.stopUnit('a.scope'))).message).toBe('unable to stop unit "a.scope": no')
  })

  test('properties are changed until the unit ends, processes are attached', async () => {
    const manager = await connect()
    await manager.setProperties('a.scope', [['TasksMax', new Variant('t', 5n)]])
    expect(server.calls.at(-1)?.body).toEqual(['a.scope', true, [['TasksMax', new Variant('t', 5n)]]])
    await manager.attach('a.scope', '/sub', [7])
    expect(server.calls.at(-1)?.body).toEqual(['a.scope', '/sub', [7]])
    answers['SetUnitProperties'] = () => ({ error: 'x.y', body: ['bad'] })
    expect((await failure(manager.setProperties('a.scope', []))).code).toBe('ERR_CGROUP')
  })

  test('its own cgroup and its version', async () => {
    const values: Record<string, string> = { ControlGroup: '/user.slice', Version: '257' }
    answers['Get'] = ({ body }) => ({ signature: 'v', body: [new Variant('s', values[String(body[1])])] })
    const manager = await connect()
    expect([await manager.controlGroup(), await manager.version()]).toEqual(['/user.slice', '257'])
  })

  test('nobody there', async () => {
    vi.stubEnv('DBUS_SESSION_BUS_ADDRESS', 'unix:path=/nonexistent/bus')
    vi.stubEnv('XDG_RUNTIME_DIR', '/nonexistent')
    const { code, message } = await failure(ServiceManager.connect('user'))
    expect([code, message]).toEqual(['ERR_CGROUP', expect.stringMatching(/^systemd's user manager cannot be reached: .*ENOENT/)])
  })
})
