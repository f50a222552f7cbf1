import { describe, expect, test } from 'vitest'
import { NO_SLOT } from '../../../lib/plan/operations.ts'
import { all, descriptors, only, phases, planOf, type Surroundings } from './samples.ts'

const init = (changes: Record<string, unknown> = {}, given: Surroundings['descriptors'] = descriptors) =>
  planOf(changes, { descriptors: given }).init
const executed = (env: string[] | undefined) => only(init({ '/process/env': env }), 'execute')
const search = (env: string[]) => only(init({ '/process/env': env }), 'findProgram').search

describe('the program', () => {
  test('its arguments and environment are those of the config', () => {
    expect(
      only(
        init({ '/process/args': ['/bin/echo', '', 'ü'], '/process/env': ['HOME=/h', 'A=b=c'], '/process/user/uid': 5 }),
        'execute',
      ),
    )
      .toEqual({
        op: 'execute', field: '/process/args', args: ['/bin/echo', '', 'ü'], env: ['HOME=/h', 'A=b=c'], home: 0, uid: 5,
      })
  })

  test('is looked up by its first argument', () => {
    expect(only(init({ '/process/args': ['sh', '-c', 'x'] }), 'findProgram')).toMatchObject({
      field: '/process/args/0', name: 'sh',
    })
  })

  test.each([
    [['PATH=/a:/b'], '/a:/b'], [['PATH=/a', 'PATH=/b'], '/b'], [['PATH='], ''], [['XPATH=/x', 'path=/y'], ''], [[], ''],
  ])('in the PATH of %j', (env, expected) => {
    expect(search(env)).toBe(expected)
  })
})

describe('the environment', () => {
  test('of a name given twice the last value counts, at its place', () => {
    expect(executed(['A=1', 'B=2', 'A=3', 'HOME=/']).env).toEqual(['B=2', 'A=3', 'HOME=/'])
    expect(executed(['A=1', 'AB=2', 'A=', 'HOME=/']).env).toEqual(['AB=2', 'A=', 'HOME=/'])
  })

  test.each([[['A=1'], ['A=1']], [['HOME=', 'A=1'], ['A=1']], [['HOME=/x', 'HOME='], []], [undefined, []]])(
    'HOME is added where %j has none', (env, expected) => {
      expect(executed(env)).toMatchObject({ env: expected, home: 1 })
    })

  test.each([['HOME=/x'], ['HOME=', 'HOME=/x']])('HOME of the config is kept: %s', (...env) => {
    expect(executed(env)).toMatchObject({ env: ['HOME=/x'], home: 0 })
  })

  test('nothing of the caller\'s gets in', () => {
    process.env['NRUNC_TEST_SECRET'] = 'x'
    try {
      expect(JSON.stringify(executed(['A=1']))).not.toContain('NRUNC_TEST_SECRET')
    } finally {
      delete process.env['NRUNC_TEST_SECRET']
    }
  })
})

describe('descriptors', () => {
  test('stdio and those that are passed on, which come after it', () => {
    const list = init({ '/process/terminal': false }, {
      count: 5, stdio: [2, 3, 4], preserved: [{ slot: 0, number: 3 }, { slot: 1, number: 4 }],
    })
    expect(only(list, 'stdio')).toEqual({ op: 'stdio', field: '', input: 2, output: 3, error: 4 })
    expect(all(list, 'passDescriptor').map(({ descriptor, number }) => [descriptor, number])).toEqual([[0, 3], [1, 4]])
    const order = phases(list)
    expect(order.indexOf('passDescriptor')).toBe(order.indexOf('stdio') + 1)
  })

  test('a low limit of open files cannot get in their way', () => {
    const order = phases(
      init(
        { '/process/rlimits': [{ type: 'RLIMIT_NOFILE', soft: 3, hard: 3 }] },
        { ...descriptors, preserved: [{ slot: 0, number: 9 }] },
      ),
    )
    expect(order.indexOf('rlimit')).toBeGreaterThan(order.indexOf('passDescriptor'))
  })

  test('the FIFO for start, or the socket to the host', () => {
    expect(only(init({}, { ...descriptors, count: 4, fifo: 3 }), 'awaitStart')).toEqual({
      op: 'awaitStart', field: '', fifo: 3,
    })
    expect(only(init(), 'awaitStart').fifo).toBe(NO_SLOT)
    expect(only(init({}, { ...descriptors, fifo: 0 }), 'awaitStart').fifo).toBe(0)
  })
})

describe('the terminal', () => {
  test('is made where it is asked for', () => {
    expect(phases(init({ '/process/terminal': false }))).not.toContain('console')
    expect(phases(init({ '/process/terminal': undefined }))).not.toContain('console')
    expect(only(init(), 'console')).toMatchObject({
      field: '/process/terminal', receiver: NO_SLOT, rows: 0, columns: 0, mountConsole: 1,
    })
  })

  test('with its size, and for the console socket', () => {
    const list = init(
      { '/process/consoleSize': { height: 24, width: 80 } }, { ...descriptors, count: 1, consoleSocket: 0 },
    )
    expect(only(list, 'console')).toMatchObject({ receiver: 0, rows: 24, columns: 80 })
  })

  test('what the caller says of it is stronger than the config', () => {
    const terminal = { rows: 50, columns: 132, keepLineFeeds: true }
    const list = init({ '/process/consoleSize': { height: 24, width: 80 } }, { ...descriptors, terminal })
    expect(only(list, 'console')).toMatchObject({ rows: 50, columns: 132, keepLineFeeds: 1 })
    expect(only(init(), 'console').keepLineFeeds).toBe(0)
  })

  test('after the mounts, among which is devpts, and before the change of root', () => {
    const order = phases(init())
    expect(order.indexOf('console')).toBeGreaterThan(order.lastIndexOf('mount'))
    expect(order.indexOf('console')).toBeLessThan(order.indexOf('pivotRoot'))
  })
})

describe('the working directory', () => {
  test('is made where it is missing', () => {
    expect(all(init({ '/process/cwd': '/srv/app' }), 'makeDirectory')).toEqual([{
      op: 'makeDirectory', field: '/process/cwd', path: '/srv/app', mode: 0o755,
    }])
  })

  test('CVE-2024-21626: it is entered before the user is set, and checked again with the user\'s rights alone', () => {
    const list = init({ '/process/cwd': '/srv/app' })
    expect(all(list, 'changeDirectory')).toEqual([
      { op: 'changeDirectory', field: '/process/cwd', path: '/srv/app', tolerateDenied: 1 },
      { op: 'changeDirectory', field: '/process/cwd', path: '/srv/app', tolerateDenied: 0 },
    ])
    const order = list.map(({ op }) => op)
    expect(order.indexOf('changeDirectory')).toBeLessThan(order.indexOf('dropBounding'))
    expect(order.lastIndexOf('changeDirectory')).toBeGreaterThan(order.indexOf('setCapabilities'))
  })
})
