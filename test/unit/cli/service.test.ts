import { describe, expect, test } from 'vitest'
import { notifyOptions, serviceOptions } from '../../../lib/cli/service.ts'

describe('sockets that were passed', () => {
  const count = (env: Record<string, string>) => serviceOptions(true, env, 42).listenFds

  test.each([
    [{ LISTEN_PID: '42', LISTEN_FDS: '2' }, 2],
    [{ LISTEN_PID: '43', LISTEN_FDS: '2' }, 0],
    [{ LISTEN_FDS: '2' }, 0],
    [{ LISTEN_PID: '42' }, 0],
    [{ LISTEN_PID: '42', LISTEN_FDS: '-1' }, 0],
    [{ LISTEN_PID: '42', LISTEN_FDS: 'x' }, 0],
    [{}, 0],
  ])('%j: %d', (env, expected) => expect(count(env as Record<string, string>)).toBe(expected))
})

describe('the manager', () => {
  test('follows init when nobody stays, and this process when it does', () => {
    expect(notifyOptions(true, { NOTIFY_SOCKET: '/n' })).toEqual({ socket: '/n', mainPid: 'init' })
    expect(notifyOptions(false, { NOTIFY_SOCKET: '@n' })).toEqual({ socket: '@n', mainPid: process.pid })
  })

  test.each([{}, { NOTIFY_SOCKET: '' }])('%j: there is none', (env) => expect(notifyOptions(true, env)).toBeUndefined())
})
