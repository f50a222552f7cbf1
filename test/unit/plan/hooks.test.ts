import { describe, expect, test } from 'vitest'
import { hookEnvironment } from '../../../lib/plan/hooks.ts'
import { NO_SLOT } from '../../../lib/plan/operations.ts'
import { all, phases, planOf } from './samples.ts'

const hooks = (value: object, more = {}) => planOf({ '/hooks': value, ...more }).init

describe('hooks in the container', () => {
  test('arguments, environment and timeout are the config\'s', () => {
    const list = hooks({ createContainer: [{ path: '/h', args: ['h', '', 'x'], env: ['A=1'], timeout: 7 }] })
    expect(all(list, 'hook')).toMatchObject([
      { field: '/hooks/createContainer/0', path: '/h', args: ['h', '', 'x'], env: ['A=1'], timeout: 7 },
    ])
  })

  test('without arguments the path is the first one, without timeout there is no limit', () => {
    expect(all(hooks({ startContainer: [{ path: '/bin/h' }] }), 'hook')).toMatchObject([{
      args: ['/bin/h'], timeout: 0,
    }])
  })

  test('a hook without env gets a search path and none of the caller\'s secrets', () => {
    expect(hookEnvironment({ path: '/h' })).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ])
    expect(hookEnvironment({ path: '/h', env: [] })).toEqual([])
  })

  test('createContainer runs before the change of root, startContainer after start, each kind in its order', () => {
    const list = hooks({ startContainer: [{ path: '/s1' }], createContainer: [{ path: '/c1' }, { path: '/c2' }] })
    const order = list.map((one) => (one.op === 'hook' ? one.path : one.op))
    const wanted = [
      'makeDirectory', '/c1', '/c2', 'maskPath', 'pivotRoot', 'findProgram', 'awaitStart', '/s1', 'execute',
    ]
    expect(order.filter((one, index) => wanted.includes(one) && one !== order[index - 1])).toEqual(wanted)
    expect(all(list, 'hook').map(({ field }) => field)).toEqual([
      '/hooks/createContainer/0', '/hooks/createContainer/1', '/hooks/startContainer/0',
    ])
  })

  test('the files that get their output are opened by the host, in the next free slots, and closed before the program', () => {
    const annotations = { 'run.oci.hooks.stderr': '/log/err', 'run.oci.hooks.stdout': '/log/out' }
    const { host, init } = planOf({ '/annotations': annotations, '/hooks': { createContainer: [{ path: '/c' }], startContainer: [{ path: '/s' }] } })
    const opened = all(host, 'openDescriptor')
    const first = 3 + opened.length - 2 // after stdio and what else is opened
    expect(opened.slice(-2).map(({ field, path }) => [field, path])).toEqual([
      ['/annotations/run.oci.hooks.stdout', '/log/out'], ['/annotations/run.oci.hooks.stderr', '/log/err'],
    ])
    const order = init.flatMap((one): unknown[] => (one.op === 'hook' ? [one.path] : one.op === 'hookOutput' ? [[one.output, one.error]] : one.op === 'execute' ? ['execute'] : []))
    expect(order).toEqual([[first, first + 1], '/c', '/s', [NO_SLOT, NO_SLOT], 'execute'])
    const one = planOf({ '/annotations': { 'run.oci.hooks.stderr': '/log/err' }, '/hooks': { startContainer: [{ path: '/s' }] } })
    expect(all(one.init, 'hookOutput')[0]).toMatchObject({ output: NO_SLOT, error: first })
    // Those of the runtime alone need nothing of init.
    const none = planOf({ '/annotations': annotations, '/hooks': { poststart: [{ path: '/p' }] } })
    expect([all(none.init, 'hookOutput'), all(none.host, 'openDescriptor').length]).toEqual([[], opened.length - 2])
  })

  test('those of the runtime are awaited once, whichever kind they are', () => {
    for (const kinds of [['prestart'], ['createRuntime'], ['prestart', 'createRuntime']]) {
      const list = hooks(Object.fromEntries(kinds.map((kind) => [kind, [{ path: '/h' }]])))
      expect(all(list, 'awaitRuntimeHooks')).toEqual([{ op: 'awaitRuntimeHooks', field: '/hooks' }])
      expect(phases(list)).not.toContain('hook')
    }
  })

  test.each([
    {}, { createRuntime: [] },
    { poststart: [{ path: '/h' }], poststop: [{ path: '/h' }], createContainer: [{ path: '/h' }] },
  ])(
    'nothing is awaited for %j', (value) => {
      expect(phases(hooks(value))).not.toContain('awaitRuntimeHooks')
    })
})

describe('the state on a hook\'s standard input', () => {
  const stateOf = (value: object, more = {}): unknown => {
    const [one] = all(hooks(value, more), 'hook')
    return JSON.parse(`${one!.stateHead}4711${one!.stateTail}`)
  }

  test.each([['createContainer', 'creating'], ['startContainer', 'created']])('%s: status %s', (kind, status) => {
    expect(stateOf({ [kind]: [{ path: '/h' }] })).toEqual({
      ociVersion: '1.3.0', id: 'web', status, pid: 4711, bundle: '/srv/web',
    })
  })

  test('has the annotations, and is compact, as other runtimes\' is', () => {
    const annotations = { 'org.example/key': 'a "quoted" \\ value\n', é: '' }
    expect(stateOf({ createContainer: [{ path: '/h' }] }, { '/annotations': annotations })).toMatchObject({
      annotations,
    })
    const [one] = all(hooks({ createContainer: [{ path: '/h' }] }, { '/annotations': annotations }), 'hook')
    expect(one!.stateHead + one!.stateTail).toBe(
      '{"ociVersion":"1.3.0","id":"web","status":"creating","pid":,"bundle":"/srv/web",'
      + '"annotations":{"org.example/key":"a \\"quoted\\" \\\\ value\\n","é":""}}')
  })
})
