import { describe, expect, test } from 'vitest'
import { NO_SLOT } from '../../../lib/plan/operations.ts'
import type { Mount } from '../../../lib/spec/schema.ts'
import { all, only, phases, planOf } from './samples.ts'

const proc: Mount = { destination: '/proc', type: 'proc', source: 'proc' }
const sys: Mount = { destination: '/sys', type: 'sysfs', source: 'sysfs' }
const tmpfs = (destination: string, ...options: string[]): Mount => ({ destination, type: 'tmpfs', source: 'tmpfs', options })

const planned = (mounts: readonly Mount[], masked: readonly string[] = [], readonly: readonly string[] = []) =>
  planOf({ '/mounts': mounts, '/linux/maskedPaths': masked, '/linux/readonlyPaths': readonly }).init

describe('masked and read-only paths', () => {
  test('of the kernel\'s file systems are looked up in the mount itself, which is kept for all of them', () => {
    const list = planned([proc, sys], ['/proc/keys', '/proc//acpi/', '/sys/firmware'], ['/proc/sys'])
    const [first, second] = all(list, 'keepMount').map(({ slot }) => slot)
    expect(all(list, 'maskPath').map(({ path, mount, inside }) => [path, mount, inside])).toEqual([
      ['/proc/keys', first, '/keys'], ['/proc//acpi/', first, '/acpi'], ['/sys/firmware', second, '/firmware'],
    ])
    expect(only(list, 'readonlyPath')).toMatchObject({ path: '/proc/sys', mount: first, inside: '/sys' })
    expect(list.filter(({ op }) => ['mount', 'keepMount'].includes(op)).map(({ op, field }) => [op, field])).toEqual([
      ['mount', '/mounts/0'], ['keepMount', '/mounts/0'], ['mount', '/mounts/1'], ['keepMount', '/mounts/1'],
    ])
  })

  test.each<[string, readonly Mount[], string]>([
    ['nothing is mounted there', [], '/proc/keys'],
    ['the mount is not the kernel\'s: its links lead into the root', [tmpfs('/data')], '/data/a'],
    ['something else covers it', [sys, tmpfs('/sys')], '/sys/firmware'],
    ['something covers what is around it', [{ ...sys, destination: '/a/sys' }, tmpfs('/a')], '/a/sys/firmware'],
    ['the mount itself is meant', [proc], '/proc'],
    ['it only begins alike', [proc], '/process'],
  ])('%s: in the root', (_, mounts, path) => {
    const list = planned(mounts, [path])
    expect(only(list, 'maskPath')).toMatchObject({ path, mount: NO_SLOT, inside: path })
    expect(phases(list)).not.toContain('keepMount')
  })

  test('a mount that lies deeper is found from the outer one', () => {
    const list = planned([sys, tmpfs('/sys/fs/cgroup')], ['/sys/fs/cgroup/a'])
    expect(only(list, 'maskPath')).toMatchObject({ mount: only(list, 'keepMount').slot, inside: '/fs/cgroup/a' })
  })

  test.each([['bind'], ['rbind']])('%s of the host\'s /sys is one, too', (option) => {
    const list = planned([{ destination: '/sys', source: '/sys', options: [option] }], ['/sys/firmware'])
    expect(only(list, 'maskPath')).toMatchObject({ mount: only(list, 'keepMount').slot, inside: '/firmware' })
  })
})

describe('a remount', () => {
  test.each<[string, Mount, 'remount' | 'remountBind']>([
    ['of the whole file system', { destination: '/data/', options: ['remount', 'ro'] }, 'remount'],
    ['of the mount', { destination: 'data', options: ['remount', 'bind', 'ro'] }, 'remountBind'],
  ])('%s changes the last mount that was made there', (_, remount, op) => {
    const list = planned([tmpfs('/data'), tmpfs('/data'), tmpfs('/other'), remount])
    expect(only(list, op).mount).toBe(only(list, 'keepMount').slot)
    expect(only(list, 'keepMount').field).toBe('/mounts/1')
  })

  test.each<[string, readonly Mount[], string, number | undefined, string]>([
    ['in the tree of a bind is looked up in that', [tmpfs('/data')], '/data//a/b/', 0, '/a/b'],
    ['deeper than two is looked up in the inner one', [tmpfs('/data'), tmpfs('/data/a')], '/data/a/b', 1, '/b'],
    ['whose inner one is covered is looked up in the outer one', [tmpfs('/data/a'), tmpfs('/data')], '/data/a/b', 1, '/a/b'],
    ['of one that is covered is looked up in what covers it', [tmpfs('/data/a'), tmpfs('/data')], '/data/a', 1, '/a'],
    ['of what the root file system brings goes by its name', [tmpfs('/dat'), tmpfs('/data/b')], '/data', undefined, '/data'],
  ])('%s', (_, mounts, destination, kept, inside) => {
    const list = planned([...mounts, { destination, options: ['remount', 'bind', 'ro'] }])
    const slot = kept === undefined ? NO_SLOT : only(list, 'keepMount').slot
    expect(only(list, 'remountBind')).toMatchObject({ mount: slot, inside })
    expect(all(list, 'keepMount').map(({ field }) => field)).toEqual(kept === undefined ? [] : [`/mounts/${kept}`])
  })

  test('the slots come after those of all descriptors', () => {
    const { host, init } = planOf({ '/mounts': [tmpfs('/a', 'ro'), tmpfs('/a/b', 'ro'), tmpfs('/a/b/c')], '/linux/maskedPaths': [] })
    const opened = host.filter(({ op }) => op === 'openDescriptor').length
    const slots = all(init, 'keepMount').map(({ slot }) => slot)
    expect(slots).toEqual([3 + opened, 4 + opened])
    expect(all(init, 'remount').map(({ mount }) => mount)).toEqual(slots)
  })
})
