import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { layoutResctrl, removeResctrl } from '../../../lib/resctrl/group.ts'
import { findResctrl, type ResctrlHost } from '../../../lib/resctrl/host.ts'
import type { IntelRdt } from '../../../lib/spec/schema.ts'
import { thrown } from '../spec/helpers.ts'

let root: string
let host: ResctrlHost
/** A file system of the same shape; no machine of ours has the real one. */
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'nrunc-resctrl-'))
  for (const path of ['info/L3', 'info/MB', 'info/L3_MON', 'gold']) mkdirSync(join(root, path), { recursive: true })
  writeFileSync(join(root, 'schemata'), '    L3:0=fff;1=fff\n    MB:0=100;1=100\n')
  writeFileSync(join(root, 'gold/schemata'), '    L3:0=00f;1=0F0\n    MB:0= 50;1=100\n')
  host = { root, cache: true, bandwidth: true, monitoring: true }
})
afterAll(() => rmSync(root, { recursive: true }))

const layout = (wanted: IntelRdt) => layoutResctrl(wanted, 'web', host)

describe('the host', () => {
  const mounted = () => `40 30 0:30 / ${root} rw,relatime - resctrl resctrl rw\n`

  test('what it has is in the directory info', () => {
    expect(findResctrl(mounted())).toEqual(host)
    rmSync(join(root, 'info/L3_MON'), { recursive: true })
    expect(findResctrl(mounted())?.monitoring).toBe(false)
    expect(findResctrl('40 30 0:30 / /sys rw - sysfs sysfs rw\n')).toBeUndefined()
  })

  test.each<[IntelRdt, Partial<ResctrlHost> | undefined, string, string]>([
    [{}, undefined, '/linux/intelRdt', 'intelRdt is specified in config, but Intel RDT is not enabled'],
    [{ l3CacheSchema: 'L3:0=f' }, { cache: false }, '/linux/intelRdt/l3CacheSchema',
      'intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled'],
    [{ memBwSchema: 'MB:0=9' }, { bandwidth: false }, '/linux/intelRdt/memBwSchema',
      'intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not enabled'],
    [{ enableMonitoring: true }, { monitoring: false }, '/linux/intelRdt/enableMonitoring',
      'intelRdt.enableMonitoring is specified in config, but Intel RDT monitoring is not enabled'],
  ])('%j without the feature', (wanted, lacks, field, message) => {
    const error = thrown(() => layoutResctrl(wanted, 'web', lacks && { ...host, ...lacks }))
    expect(error).toMatchObject({ code: 'ERR_HOST', field, message })
  })
})

describe('the group', () => {
  test('nothing asked for, none', () => {
    expect(layoutResctrl(undefined, 'web', undefined)).toBeUndefined()
  })

  test.each<[string, IntelRdt, string]>([
    ['none', {}, ''],
    ['cache', { l3CacheSchema: 'L3:0=f;1=f0' }, 'L3:0=f;1=f0\n'],
    ['bandwidth', { memBwSchema: 'MB:0=20' }, 'MB:0=20\n'],
    ['both, without the bandwidth that stands in the wrong one', { l3CacheSchema: 'L3:0=f\nMB:0=1', memBwSchema: 'MB:0=20' }, 'L3:0=f\nMB:0=20\n'],
    ['a bandwidth in the wrong one, alone', { l3CacheSchema: 'L3:0=f\nMB:0=1' }, 'L3:0=f\nMB:0=1\n'],
    ['lines as they are, after the others', { l3CacheSchema: 'L3:0=f', schemata: ['L2:0=3', 'L3:0=7'] }, 'L3:0=f\nL2:0=3\nL3:0=7\n'],
  ])('schemata of a new group: %s', (_, wanted, schemata) => {
    expect(layout(wanted)).toMatchObject({ path: join(root, 'web'), schemata, own: [join(root, 'web')], monitor: undefined })
  })

  test('a class of service that is not there is made, and goes with the container', () => {
    expect(layout({ closID: 'new', memBwSchema: 'MB:0=20' })).toMatchObject({ path: join(root, 'new'), own: [join(root, 'new')] })
  })

  test('one that is there is used as it is, and stays', () => {
    expect(layout({ closID: 'gold' })).toMatchObject({ path: join(root, 'gold'), schemata: '', own: [] })
    const same = { closID: 'gold', l3CacheSchema: 'L3:1=f0;0=f', memBwSchema: 'MB:0=050' }
    expect(layout(same)).toMatchObject({ schemata: '', own: [] })
    expect(layout({ closID: '/' })).toMatchObject({ path: root, own: [] })
  })

  test('one that is there and has other schemata is refused', () => {
    expect(thrown(() => layout({ closID: 'gold', l3CacheSchema: 'L3:0=ff' }))).toMatchObject({
      code: 'ERR_HOST', field: '/linux/intelRdt/closID', message: expect.stringContaining('it has no L3 0 ff'),
    })
    expect(thrown(() => layout({ closID: '/', memBwSchema: 'MB:2=100' })).message).toContain('it has no MB 2 100')
  })

  test('one that is not there, and nothing to make it of', () => {
    expect(thrown(() => layout({ closID: 'none' }))).toMatchObject({
      field: '/linux/intelRdt/closID', message: expect.stringContaining('must be pre-created'),
    })
  })

  test('a monitoring group of its own', () => {
    expect(layout({ closID: 'gold', enableMonitoring: true })).toMatchObject({
      monitor: join(root, 'gold/mon_groups/web'), own: [join(root, 'gold/mon_groups/web')],
    })
    expect(layout({ enableMonitoring: true })?.own).toEqual([join(root, 'web/mon_groups/web'), join(root, 'web')])
  })

  test('is removed; one that has gone is no error, one that stays is', () => {
    mkdirSync(join(root, 'a/b'), { recursive: true })
    removeResctrl([join(root, 'a/b'), join(root, 'a'), join(root, 'nosuch')])
    removeResctrl(undefined)
    expect(thrown(() => removeResctrl([join(root, 'gold')]))).toMatchObject({ code: 'ERR_HOST', errno: 'ENOTEMPTY' })
  })
})
