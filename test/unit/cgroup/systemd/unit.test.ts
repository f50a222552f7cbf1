import { describe, expect, test } from 'vitest'
import { layoutScope } from '../../../../lib/cgroup/systemd/layout.ts'
import { scopeName, slicePath } from '../../../../lib/cgroup/systemd/unit.ts'
import { cgroupOperations, firstEntry } from '../../../../lib/cgroup/operations.ts'
import { allControllers, hostOf, hybrid, v1, v2 } from '../samples.ts'

describe('names', () => {
  test.each([
    ['', 'system', { unit: 'nrunc-web.scope', slice: 'system.slice' }],
    ['', 'user', { unit: 'nrunc-web.scope', slice: 'user.slice' }],
    ['system.slice:docker:1234', 'system', { unit: 'docker-1234.scope', slice: 'system.slice' }],
    [':docker:1234', 'user', { unit: 'docker-1234.scope', slice: 'user.slice' }],
  ] as const)('%j of the %s manager', (path, manager, expected) => {
    expect(scopeName(path, 'web', manager)).toEqual(expected)
  })

  test.each(['/a/b', 'a', 'a:b', 'a:b:c:d', 'a:b:', '::', 'a:b:c.slice', 'a.slice:b:../../../init', 'a.slice:../b:c', 'a.slice:b:c/d',
    'a.slice:b c:d', 'a.slice:b:\nSlice=x', 'a.slice:b:c\0', 'a.slice:b:ö', `a.slice:b:${'c'.repeat(256)}`])('%s is refused', (path) => {
    expect(() => scopeName(path, 'web', 'system'))
      .toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID', field: '/linux/cgroupsPath' }))
  })

  test('nor is an id with what systemd has no place for', () => {
    expect(() => scopeName('', 'a+b', 'system')).toThrow('invalid unit name: nrunc-a+b.scope')
    expect(scopeName('', 'a_b.c-d', 'system').unit).toBe('nrunc-a_b.c-d.scope')
  })

  test.each([
    ['system.slice', '/system.slice'], ['-.slice', '/'],
    ['a-b-c.slice', '/a.slice/a-b.slice/a-b-c.slice'],
  ])('%s is at %s', (slice, path) => {
    expect(slicePath(slice)).toBe(path)
  })

  test.each(['a', '.slice', 'a/b.slice', '-a.slice', 'a-.slice', 'a--b.slice', '../x.slice', '..slice/../x.slice', 'a\0.slice', 'a b.slice', 'a\n.slice'])('%s is no slice', (slice) => {
    expect(() => slicePath(slice)).toThrow(`invalid slice name: ${slice}`)
  })
})

describe('the layout', () => {
  const request = { id: 'web', manager: 'system', controlGroup: '', controllers: ['cpu', 'memory'], rootless: false } as const

  test('of the system manager, and of a user\'s', () => {
    expect(layoutScope(hostOf(v2, allControllers), { ...request, cgroupsPath: 'a-b.slice:x:y' })).toEqual({
      directories: [{
        version: 2, controllers: ['cpu', 'memory'], root: '/sys/fs/cgroup',
        path: '/sys/fs/cgroup/a.slice/a-b.slice/x-y.scope',
      }],
      paths: { '': '/sys/fs/cgroup/a.slice/a-b.slice/x-y.scope' }, field: '/linux/cgroupsPath', rootless: false,
      scope: { unit: 'x-y.scope', slice: 'a-b.slice', manager: 'system' },
    })
    const controlGroup = '/user.slice/user-7.slice/user@7.service'
    expect(layoutScope(hostOf(v2, allControllers), { ...request, manager: 'user', controlGroup, rootless: true })).toMatchObject({
      paths: { '': `/sys/fs/cgroup${controlGroup}/user.slice/nrunc-web.scope` }, field: '',
      directories: [{ root: `/sys/fs/cgroup${controlGroup}` }],
    })
  })

  test.each([[v1, 'v1'], [hybrid, 'hybrid']] as const)('v1 is refused', (sample, mode) => {
    expect(() => layoutScope(hostOf(sample, []), request)).toThrow(`needs cgroup v2 (this host has ${mode})`)
  })

  test('systemd makes the directory: nrunc enables the controllers, sets all limits, and the process is put in', () => {
    const host = hostOf(v2, allControllers)
    const layout = layoutScope(host, request)
    const { prepare, limits } = cgroupOperations(host, layout, { memory: { limit: 5 } })
    const { tasks, into } = firstEntry(layout)
    const path = '/sys/fs/cgroup/system.slice/nrunc-web.scope'
    expect(prepare.map((one) => [one.op, 'path' in one && one.path])).toEqual([
      ['adoptCgroup', path], ['writeCgroup', `${path}/memory.max`], ['attachDeviceProgram', path],
    ])
    expect(prepare[0]).toMatchObject({ root: '/sys/fs/cgroup', controllers: '+cpu +memory' })
    expect([tasks, into, limits.map(({ file, value }) => [file, value])]).toEqual([[], '', [['memory.max', '5']]])
  })
})
