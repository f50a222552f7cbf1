import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DbusConnection, DbusError } from '../../../lib/dbus/connection.ts'
import { FakeServer } from './server.ts'

const where = { destination: 'a.b', path: '/c', interface: 'd.e', member: 'Ask' }

describe('a connection', () => {
  let server: FakeServer
  let connection: DbusConnection
  beforeEach(async () => {
    server = new FakeServer()
    await server.listen()
  })
  afterEach(() => {
    connection.close()
    server.close()
  })
  const connect = (options: { timeout?: number; bus?: boolean } = {}) => {
    connection = new DbusConnection(server.path, { timeout: 60_000, bus: false, ...options })
    return connection
  }
  const failure = async (promise: Promise<unknown>): Promise<DbusError> => {
    const error = await promise.then(() => undefined, (reason: unknown) => reason)
    if (error instanceof DbusError) return error
    throw new Error(`not refused: ${String(error)}`)
  }

  test('calls and answers', async () => {
    server.answer = ({ body }) => ({ signature: 's', body: [`${String(body[0])}!`] })
    connect()
    const answers = await Promise.all(['x', 'y'].map((text) => connection.call({ ...where, signature: 's', body: [text] })))
    expect(answers).toEqual([['x!'], ['y!']])
    expect(server.members).toEqual(['Ask', 'Ask'])
  })

  test('a bus is greeted first', async () => {
    connect({ bus: true })
    await connection.call(where)
    expect(server.members).toEqual(['Hello', 'Ask'])
  })

  test('a refusal has its name and its text', async () => {
    server.answer = () => ({ error: 'x.y.Denied', body: ['not you'] })
    expect(await failure(connect().call(where))).toMatchObject({ errorName: 'x.y.Denied', message: 'not you' })
    expect(connection.open).toBe(true)
  })

  test('no answer in time', async () => {
    server.answer = () => ({ silent: true })
    expect((await failure(connect({ timeout: 20 }).call(where))).message).toBe('no answer to Ask within 0.02 s')
  })

  test('nobody there, and one who does not let us in', async () => {
    connection = new DbusConnection('/nonexistent/bus', { timeout: 60_000, bus: true })
    expect((await failure(connection.call(where))).message).toMatch(/cannot connect to "\/nonexistent\/bus": .*ENOENT/)
    expect(connection.open).toBe(false)
    server.accept = false
    expect((await failure(connect().call(where))).message).toMatch(/refuses the connection: REJECTED/)
  })

  test('the other side hangs up: whoever waits hears of it', async () => {
    server.answer = ({ member }) => (member === 'Ask' ? { silent: true } : { hangUp: true })
    connect()
    const signal = connection.signal('news', () => true)
    const [one, two, three] = await Promise.all([
      connection.call(where), connection.call({ ...where, member: 'Go' }), signal.body,
    ].map(failure))
    expect([one?.message, two?.message, three?.message]).toEqual(Array(3).fill('the connection was closed'))
    expect((await failure(connection.call(where))).message).toBe('the connection was closed')
  })

  test('what is no message ends it', async () => {
    connect()
    await connection.call(where)
    for (const socket of server.connections) socket.write('this is certainly not D-Bus')
    server.answer = () => ({ silent: true })
    expect((await failure(connection.call(where))).message).toContain('not a D-Bus message')
  })

  test('signals: the one that is wanted', async () => {
    server.answer = () => ({ signals: [1, 2, 3].map((number) => ({ member: 'News', signature: 'u', body: [number] })) })
    connect()
    const { body } = connection.signal('news', ({ body: [number] }) => number === 2)
    await connection.call(where)
    expect(await body).toEqual([2])
  })
})
