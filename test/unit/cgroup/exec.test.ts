import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { joinableCgroups, subCgroups } from '../../../lib/cgroup/exec.ts'
import type { UnifiedHierarchy } from '../../../lib/cgroup/host.ts'

const paths = { cpu: '/cg/cpu/a', memory: '/cg/memory/a' }

describe('the cgroups of exec', () => {
  test.each([
    ['sub', { cpu: '/cg/cpu/a/sub', memory: '/cg/memory/a/sub' }],
    ['/sub/', { cpu: '/cg/cpu/a/sub', memory: '/cg/memory/a/sub' }],
    ['/', paths],
    ['', paths],
    ['x/../sub', { cpu: '/cg/cpu/a/sub', memory: '/cg/memory/a/sub' }],
    [{ cpu: 'sub' }, { cpu: '/cg/cpu/a/sub', memory: '/cg/memory/a' }],
  ])('%j', (wanted, result) => expect(subCgroups(paths, wanted)).toEqual(result))

  test.each([
    ['..', '.. is not a sub cgroup path'],
    ['../ab', '../ab is not a sub cgroup path'],
    [{ cpu: '/../../b' }, '/../../b is not a sub cgroup path'],
    [{ pids: 'x' }, 'unknown controller pids in SubCgroupPaths'],
    [{ toString: 'x' }, 'unknown controller toString in SubCgroupPaths'],
  ])('%j is refused', (wanted, message) => {
    expect(() => subCgroups(paths, wanted)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID', message }))
  })
})

describe('on v2 the cgroup of init', () => {
  let mountpoint: string
  beforeEach(() => {
    mountpoint = mkdtempSync(join(tmpdir(), 'nrunc-cgroup-'))
    mkdirSync(join(mountpoint, 'a'))
  })
  afterEach(() => rmSync(mountpoint, { recursive: true }))

  const unified = (): UnifiedHierarchy =>
    ({ controllers: [], mountpoint, root: '/', own: '/', writable: true, delegated: [] })

  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/'
  const at = (directory: string, subtreeControl: string): { '': string } => {
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, 'cgroup.subtree_control'), subtreeControl)
    return { '': directory }
  }

  test.skipIf(own === '/').each([['', 'kept'], ['\n', 'kept'], ['memory pids\n', 'left']])('with subtree_control %j the top one is %s', (text, what) => {
    const top = at(join(mountpoint, own, '..'), text)
    expect(joinableCgroups(top, process.pid, unified)).toEqual(what === 'kept' ? top : { '': join(mountpoint, own) })
  })

  test('elsewhere than below the container\'s is not joined', () => {
    for (const directory of ['a', 'a/b']) {
      const top = at(join(mountpoint, directory), 'memory\n')
      expect(joinableCgroups(top, process.pid, unified)).toBe(top)
    }
  })

  test('v1 has no such rule', () => {
    expect(joinableCgroups(paths, process.pid, () => { throw new Error('it is not looked for') })).toBe(paths)
  })
})
