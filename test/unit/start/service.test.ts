import { describe, expect, test } from 'vitest'
import { serviceSpec } from '../../../lib/start/service.ts'
import { defaultSpec } from '../../../lib/spec/defaults.ts'

const spec = defaultSpec()
const process = { ...spec.process!, env: ['A=1'] }

describe('the spec of a service', () => {
  test('is as it was without one', () => {
    const result = serviceSpec(spec, process, '/state/a', {})
    expect([result.spec, result.process]).toEqual([spec, process])
    expect(result.spec).toBe(spec)
  })

  test('with sockets: two variables', () => {
    expect(serviceSpec(spec, process, '/state/a', { listenFds: 2 }).process.env).toEqual(['A=1', 'LISTEN_FDS=2', 'LISTEN_PID=1'])
  })

  test('with notify: one more mount and a variable, and what was given stays', () => {
    const result = serviceSpec(spec, process, '/state/a', { notify: { socket: '/n' } })
    expect(result.process.env).toEqual(['A=1', 'NOTIFY_SOCKET=/run/notify/notify.sock'])
    expect(result.spec.mounts?.slice(0, -1)).toEqual(spec.mounts)
    expect(result.spec.mounts?.at(-1)).toMatchObject({ destination: '/run/notify', source: '/state/a/notify' })
    expect([process.env, spec.mounts?.length]).toEqual([['A=1'], defaultSpec().mounts?.length])
  })
})
