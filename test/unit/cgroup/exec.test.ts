import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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

  test.each([['', 'kept'], ['\n', 'kept'], ['memory pids\n', 'left']])('with subtree_control %j the top one is %s', (text, what) => {
    const top = { '': join(mountpoint, 'a') }
    writeFileSync(join(mountpoint, 'a/cgroup.subtree_control'), text)
    const result = joinableCgroups(top, process.pid, unified)
    if (what === 'kept') expect(result).toBe(top)
    else expect(result['']).toMatch(new RegExp(`^${mountpoint}`))
    if (what === 'left') expect(result['']).not.toBe(top[''])
  })

  test('v1 has no such rule', () => {
    expect(joinableCgroups(paths, process.pid, () => { throw new Error('it is not looked for') })).toBe(paths)
  })
})
