import { describe, expect, test } from 'vitest'
import { cgroupFiles, cgroupHost, detectCgroups } from '../../../lib/cgroup/detect.ts'
import { baseDirectory, ownDirectory, parseCgroupHost } from '../../../lib/cgroup/host.ts'
import { hybrid, inContainer, v1, v2 } from './samples.ts'

const parse = ({ mountinfo, cgroup }: { mountinfo: string, cgroup: string }) => parseCgroupHost(mountinfo, cgroup)
const places = (host: ReturnType<typeof parseCgroupHost>) =>
  Object.fromEntries(host.hierarchies.map(one => [one.controllers.join(','), ownDirectory(one)]))

describe('kinds of hosts', () => {
  test('v1 with hierarchies that controllers share', () => {
    const host = parse(v1)
    expect(host.mode).toBe('v1')
    expect(host.unified).toBeUndefined()
    expect(places(host)).toEqual({
      'name=systemd': '/sys/fs/cgroup/systemd/system.slice/web.service',
      'cpu,cpuacct': '/sys/fs/cgroup/cpu,cpuacct/system.slice/web.service',
      memory: '/sys/fs/cgroup/memory/system.slice/web.service',
      devices: '/sys/fs/cgroup/devices/system.slice/web.service',
      cpuset: '/sys/fs/cgroup/cpuset',
      'net_cls,net_prio': '/sys/fs/cgroup/net_cls,net_prio',
    })
  })

  test('hybrid', () => {
    const host = parse(hybrid)
    expect(host.mode).toBe('hybrid')
    expect(host.unified?.mountpoint).toBe('/sys/fs/cgroup/unified')
    expect(Object.keys(places(host))).toEqual(['cpu', 'memory', 'devices', 'pids', 'name=systemd'])
  })

  test('v2, although somebody mounted a v1 hierarchy', () => {
    const host = parse(v2)
    expect(host).toMatchObject({ mode: 'v2', hierarchies: [] })
    expect(ownDirectory(host.unified!)).toBe(
      '/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/node.scope')
  })

  test('inside a container', () => {
    expect(places(parse(inContainer))).toEqual({
      memory: '/sys/fs/cgroup/memory', devices: '/sys/fs/cgroup/devices/inner',
    })
  })

  test('cgroup2 anywhere is v2 when there is nothing else', () => {
    expect(parseCgroupHost('5 1 0:9 / /mnt/cg rw - cgroup2 none rw', '0::/a').mode).toBe('v2')
  })

  test('nothing mounted', () => {
    const host = parseCgroupHost('5 1 0:9 / / rw - ext4 none rw', '1:cpu:/\n0::/a')
    expect(host).toMatchObject({ mode: 'none', hierarchies: [] })
  })

  test('a hierarchy that is covered by another mount is not there', () => {
    const { mountinfo, cgroup } = hybrid
    expect(parseCgroupHost(`${mountinfo}90 31 0:77 / /sys/fs/cgroup/memory rw - tmpfs none rw\n`, cgroup).hierarchies
      .map(({ controllers }) => controllers[0])).toEqual(['cpu', 'devices', 'pids', 'name=systemd'])
  })

  test('of several mounts the one below /sys/fs/cgroup is taken', () => {
    const { mountinfo, cgroup } = hybrid
    const other = '20 23 0:30 / /srv/chroot/memory rw - cgroup cgroup rw,memory\n'
    expect(parseCgroupHost(mountinfo.replace('31 30', `${other}31 30`), cgroup).hierarchies
      .find(({ controllers }) => controllers[0] === 'memory')?.mountpoint).toBe('/sys/fs/cgroup/memory')
  })
})

describe('where relative paths begin', () => {
  const unified = (own: string, root = '/') =>
    ({ controllers: [], mountpoint: '/sys/fs/cgroup', root, own, writable: false })

  test('in the own cgroup on v1, above it on v2', () => {
    expect(baseDirectory(unified('/a/b'), 1)).toBe('/sys/fs/cgroup/a/b')
    expect(baseDirectory(unified('/a/b'), 2)).toBe('/sys/fs/cgroup/a')
    expect(baseDirectory(unified('/'), 2)).toBe('/sys/fs/cgroup')
    expect(baseDirectory(unified('/..a'), 1)).toBe('/sys/fs/cgroup/..a')
  })

  test.each([['/../x', '/'], ['/a', '/b'], ['/ab', '/a'], ['/', '/..'], ['/x', '/../..'], ['/a/../..', '/']])(
    'never outside of the mount: own %s, root %s', (own, root) => {
      expect(ownDirectory(unified(own, root))).toBe('/sys/fs/cgroup')
    })
})

test('this host is detected once, and its files are looked at without an error', () => {
  const host = cgroupHost()
  expect(cgroupHost()).toBe(host)
  expect(detectCgroups().mode).toBe(host.mode)
  expect([true, false, undefined]).toContain(cgroupFiles(host)('memory', 'memory.limit_in_bytes'))
  expect(cgroupFiles({ mode: 'none', hierarchies: [] })('memory', 'memory.max')).toBeUndefined()
})
