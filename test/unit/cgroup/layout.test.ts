import { describe, expect, test } from 'vitest'
import type { CgroupHost } from '../../../lib/cgroup/host.ts'
import { type CgroupRequest, layoutCgroup } from '../../../lib/cgroup/layout.ts'
import { allControllers, hostOf, hybrid, inContainer, v1, v2 } from './samples.ts'

const lay = (host: CgroupHost, request: Partial<CgroupRequest> = {}) =>
  layoutCgroup(host, { id: 'web', rootless: false, ...request })
const none: CgroupHost = { mode: 'none', hierarchies: [] }
const unwritable = (host: CgroupHost): CgroupHost => ({
  ...host,
  hierarchies: host.hierarchies.map(one => ({ ...one, writable: false })),
  unified: host.unified && { ...host.unified, writable: false },
})

describe('paths', () => {
  test('by default below /nrunc, in every v1 hierarchy, one directory for controllers that share one', () => {
    const { directories, paths, field } = lay(hostOf(v1))
    expect(paths).toEqual({
      'name=systemd': '/sys/fs/cgroup/systemd/nrunc/web', cpu: '/sys/fs/cgroup/cpu,cpuacct/nrunc/web',
      cpuacct: '/sys/fs/cgroup/cpu,cpuacct/nrunc/web', memory: '/sys/fs/cgroup/memory/nrunc/web',
      devices: '/sys/fs/cgroup/devices/nrunc/web', cpuset: '/sys/fs/cgroup/cpuset/nrunc/web',
      net_cls: '/sys/fs/cgroup/net_cls,net_prio/nrunc/web', net_prio: '/sys/fs/cgroup/net_cls,net_prio/nrunc/web',
    })
    expect(directories.map(({ path }) => path)).toEqual([...new Set(Object.values(paths))])
    expect(directories.every(({ version, root }) => version === 1 && root.startsWith('/sys/fs/cgroup/'))).toBe(true)
    expect(field).toBe('')
  })

  test('v2 has one directory, with the key ""', () => {
    const layout = lay(hostOf(v2, allControllers), { cgroupsPath: '/docker/abc' })
    expect(layout.paths).toEqual({ '': '/sys/fs/cgroup/docker/abc' })
    expect(layout.directories).toEqual([{
      version: 2, controllers: allControllers, root: '/sys/fs/cgroup', path: '/sys/fs/cgroup/docker/abc',
    }])
    expect(layout.field).toBe('/linux/cgroupsPath')
  })

  test('a relative path is below the own cgroup on v1', () => {
    expect(lay(hostOf(v1), { cgroupsPath: 'a/b' }).paths).toMatchObject({
      memory: '/sys/fs/cgroup/memory/system.slice/web.service/a/b', cpuset: '/sys/fs/cgroup/cpuset/a/b',
    })
  })

  test('and beside the own cgroup on v2, which holds processes', () => {
    const { directories } = lay(hostOf(v2, allControllers), { cgroupsPath: 'a/b' })
    expect(directories[0]).toMatchObject({
      root: '/sys/fs/cgroup', path: '/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/a/b',
    })
  })

  test('in a container paths are below what is mounted', () => {
    expect(lay(hostOf(inContainer), { cgroupsPath: 'x' }).paths).toEqual({
      memory: '/sys/fs/cgroup/memory/x', devices: '/sys/fs/cgroup/devices/inner/x',
    })
    expect(lay(hostOf(inContainer), { cgroupsPath: '/x' }).paths).toMatchObject({ devices: '/sys/fs/cgroup/devices/x' })
  })

  test.each([['/a/../../../b', '/b'], ['../../b', '/user.slice/user-1000.slice/user@1000.service/app.slice/b'],
    ['/a//b/./c/', '/a/b/c']])('%s cannot lead out', (cgroupsPath, expected) => {
    expect(lay(hostOf(v2), { cgroupsPath }).paths).toEqual({ '': `/sys/fs/cgroup${expected}` })
  })

  test.each(['/', '.', '..', '/..', 'a/..', './'])('%j is refused: others are in that cgroup', cgroupsPath => {
    expect(() => lay(hostOf(v2), { cgroupsPath })).toThrow(expect.objectContaining({
      code: 'ERR_CONFIG_INVALID', field: '/linux/cgroupsPath',
      message: `cgroupsPath ${JSON.stringify(cgroupsPath)} does not name a cgroup of its own`,
    }))
  })

  test.each(['system.slice:docker:1234', ':nrunc:web'])('%s is refused: it is for systemd', cgroupsPath => {
    expect(() => lay(hostOf(v1), { cgroupsPath })).toThrow(expect.objectContaining({
      code: 'ERR_CONFIG_INVALID', field: '/linux/cgroupsPath',
      message: `cgroupsPath "${cgroupsPath}" is of the format "slice:prefix:name", which needs --systemd-cgroup`,
    }))
    expect(lay(hostOf(v1), { cgroupsPath: '/a:b:c' }).paths['memory']).toBe('/sys/fs/cgroup/memory/a:b:c')
  })
})

describe('the unified hierarchy of a hybrid host', () => {
  const host = hostOf(hybrid, ['hugetlb'])

  test('is left alone when nothing lives there', () => {
    expect(Object.keys(lay(host, { resources: { memory: { limit: 1 }, pids: { limit: 1 } } }).paths)).not.toContain('')
  })

  test('is used for a limit that lives there', () => {
    const layout = lay(host, { resources: { hugepageLimits: [{ pageSize: '2MB', limit: 1 }] } })
    expect(layout.paths).toMatchObject({
      '': '/sys/fs/cgroup/unified/nrunc/web', memory: '/sys/fs/cgroup/memory/nrunc/web',
    })
    expect(layout.directories.at(-1)).toMatchObject({ version: 2, controllers: ['hugetlb'] })
  })

  test('is not used for a limit that it does not have either', () => {
    expect(Object.keys(lay(host, { resources: { blockIO: { weight: 100 } } }).paths)).not.toContain('')
  })

  test('is used for device rules when v1 has none', () => {
    const without = { ...host, hierarchies: host.hierarchies.filter(({ controllers }) => controllers[0] !== 'devices') }
    expect(lay(without).paths['']).toBe('/sys/fs/cgroup/unified/nrunc/web')
    expect(Object.keys(lay(without, { rootless: true }).paths)).not.toContain('')
  })
})

describe('rootless', () => {
  test('the default is beside the caller, and controllers are those delegated to him', () => {
    const host = hostOf(v2, allControllers)
    const delegated = { ...host, unified: { ...host.unified!, delegated: ['memory', 'pids'] } }
    const { directories } = lay(delegated, { rootless: true })
    const base = '/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice'
    expect(directories).toEqual([
      { version: 2, controllers: ['memory', 'pids'], root: base, path: `${base}/nrunc-web` },
    ])
  })

  test('no cgroup where none may be made', () => {
    expect(lay(unwritable(hostOf(v2)), { rootless: true })).toMatchObject({ directories: [], paths: {} })
    expect(lay(unwritable(hostOf(v1)), { rootless: true })).toMatchObject({ directories: [], paths: {} })
    expect(lay(none, { rootless: true })).toMatchObject({ directories: [], paths: {} })
  })

  test('a path that was asked for is tried in any case', () => {
    const { paths } = lay(unwritable(hostOf(v2)), { rootless: true, cgroupsPath: '/mine' })
    expect(paths).toEqual({ '': '/sys/fs/cgroup/mine' })
  })
})

describe('hosts on which device rules cannot be enforced', () => {
  test('no cgroups', () => {
    expect(() => lay(none)).toThrow(
      expect.objectContaining({ code: 'ERR_CGROUP', message: 'cgroup mountpoint does not exist' }))
  })

  test('v1 without devices', () => {
    const host = hostOf(v1)
    const without = { ...host, hierarchies: host.hierarchies.filter(({ controllers }) => controllers[0] !== 'devices') }
    expect(() => lay(without)).toThrow(
      expect.objectContaining({ code: 'ERR_CGROUP', message: 'mountpoint for devices not found' }))
  })
})
