import { describe, expect, test } from 'vitest'
import type { CgroupHost } from '../../../lib/cgroup/host.ts'
import { layoutCgroup } from '../../../lib/cgroup/layout.ts'
import { cgroupMountOperations } from '../../../lib/cgroup/mount.ts'
import { MOUNT_ATTR, MS } from '../../../lib/plan/mount-flags.ts'
import { NO_SLOT, type Operation } from '../../../lib/plan/operations.ts'
import type { Mount } from '../../../lib/spec/schema.ts'
import { allControllers, hostOf, hybrid, v1, v2 } from './samples.ts'

const hardened = MS.NOSUID | MS.NODEV | MS.NOEXEC
/** The same for a bind mount, whose flags are set with mount_setattr(2). */
const boundHardened = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC
const standard: Mount = {
  destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup',
  options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
}

function compile(host: CgroupHost, mount: Partial<Mount>, cgroupNamespace: boolean, rootless = false): Operation[] {
  const layout = layoutCgroup(host, { id: 'web', rootless, ...(rootless ? {} : { cgroupsPath: '/c' }) })
  return cgroupMountOperations(host, layout, { ...standard, ...mount }, 4, { cgroupNamespace })
}

/** Operation, place and what is put there. */
const brief = (list: readonly Operation[]): string[] => list.map(one => {
  switch (one.op) {
    case 'mount': return `${one.type} ${one.destination} ${one.data}`
    case 'bindMount': return `bind ${one.destination} ${one.source}`
    case 'makeSymlink': return `link ${one.path} ${one.target}`
    default: return `${one.op} ${'destination' in one ? one.destination : ''}`
  }
})

describe('v1', () => {
  test('with a cgroup namespace each hierarchy is mounted afresh', () => {
    expect(brief(compile(hostOf(v1), {}, true))).toEqual([
      'tmpfs /sys/fs/cgroup mode=755',
      'cgroup /sys/fs/cgroup/systemd name=systemd',
      'cgroup /sys/fs/cgroup/cpu,cpuacct cpu,cpuacct',
      'link /sys/fs/cgroup/cpu cpu,cpuacct',
      'link /sys/fs/cgroup/cpuacct cpu,cpuacct',
      'cgroup /sys/fs/cgroup/memory memory',
      'cgroup /sys/fs/cgroup/devices devices',
      'cgroup /sys/fs/cgroup/cpuset cpuset',
      'cgroup /sys/fs/cgroup/net_cls,net_prio net_cls,net_prio',
      'link /sys/fs/cgroup/net_cls net_cls,net_prio',
      'link /sys/fs/cgroup/net_prio net_cls,net_prio',
      'remount /sys/fs/cgroup',
    ])
  })

  test('without one the own directories are bound', () => {
    expect(brief(compile(hostOf(v1), {}, false)).filter(text => !text.startsWith('link'))).toEqual([
      'tmpfs /sys/fs/cgroup mode=755',
      'bind /sys/fs/cgroup/systemd /sys/fs/cgroup/systemd/c',
      'bind /sys/fs/cgroup/cpu,cpuacct /sys/fs/cgroup/cpu,cpuacct/c',
      'bind /sys/fs/cgroup/memory /sys/fs/cgroup/memory/c',
      'bind /sys/fs/cgroup/devices /sys/fs/cgroup/devices/c',
      'bind /sys/fs/cgroup/cpuset /sys/fs/cgroup/cpuset/c',
      'bind /sys/fs/cgroup/net_cls,net_prio /sys/fs/cgroup/net_cls,net_prio/c',
      'remount /sys/fs/cgroup',
    ])
  })

  test('flags of the mounts; the tmpfs becomes read-only when all is in place', () => {
    const list = compile(hostOf(v1), {}, true)
    expect(list[0]).toEqual({
      op: 'mount', field: '/mounts/4', destination: '/sys/fs/cgroup', source: 'tmpfs', type: 'tmpfs', flags: hardened,
      data: 'mode=755', propagation: [], ordinaryDirectory: 0, allowProc: 0, copyUp: 0,
    })
    expect(list[1]).toMatchObject({ source: 'cgroup', flags: hardened | MS.RELATIME | MS.RDONLY, field: '/mounts/4' })
    expect(list.at(-1)).toEqual({
      op: 'remount', field: '/mounts/4', destination: '/sys/fs/cgroup',
      flags: MS.REMOUNT | MS.BIND | MS.RDONLY | hardened, data: '', mount: NO_SLOT, inside: '',
    })
    const [, bound] = compile(hostOf(v1), {}, false)
    expect(bound).toMatchObject({
      op: 'bindMount', set: boundHardened | MOUNT_ATTR.RDONLY, clear: MOUNT_ATTR.ATIME, recursive: 0,
    })
  })

  test('a writable mount stays writable, but never runs programs', () => {
    const list = compile(hostOf(v1), { options: ['rw', 'rprivate'] }, true)
    expect(list.some(({ op }) => op === 'remount')).toBe(false)
    expect(list[1]).toMatchObject({ flags: hardened, propagation: [MS.PRIVATE | MS.REC] })
    expect(compile(hostOf(v1), { options: [] }, false)[1]).toMatchObject({ set: boundHardened, clear: 0 })
  })

  test('the destination is cleaned', () => {
    const list = compile(hostOf(v1), { destination: 'sys//fs/cgroup/' }, true)
    expect(brief(list)[1]).toBe('cgroup /sys/fs/cgroup/systemd name=systemd')
  })
})

test('hybrid: the cgroup2 of the host is not among the mounts, as in runc', () => {
  expect(brief(compile(hostOf(hybrid, ['hugetlb']), {}, true)).join()).not.toContain('unified')
})

describe('v2', () => {
  test.each(['cgroup', 'cgroup2'])('with a cgroup namespace %s is a fresh cgroup2', type => {
    expect(compile(hostOf(v2, allControllers), { type }, true)).toEqual([{
      op: 'mount', field: '/mounts/4', destination: '/sys/fs/cgroup', source: 'cgroup', type: 'cgroup2',
      flags: hardened | MS.RELATIME | MS.RDONLY, data: '', propagation: [], ordinaryDirectory: 0, allowProc: 0, copyUp: 0,
    }])
  })

  test('a rootless container gets its own directory bound, also with a cgroup namespace', () => {
    const [mount] = compile(hostOf(v2, allControllers), {}, true, true)
    expect(mount).toMatchObject({ op: 'bindMount', destination: '/sys/fs/cgroup' })
  })

  test('without one the own directory is bound', () => {
    expect(compile(hostOf(v2, allControllers), {}, false)).toEqual([{
      op: 'bindMount', field: '/mounts/4', destination: '/sys/fs/cgroup', source: '/sys/fs/cgroup/c',
      tree: NO_SLOT, recursive: 0,
      set: boundHardened | MOUNT_ATTR.RDONLY, clear: MOUNT_ATTR.ATIME, recursiveSet: 0, recursiveClear: 0,
      propagation: [], allowProc: 0,
    }])
  })

  test('a mount of type cgroup2 on a hybrid host is the unified hierarchy', () => {
    const host = hostOf(hybrid, ['hugetlb'])
    const mount = { type: 'cgroup2', destination: '/u' }
    expect(brief(compile(host, mount, true))).toEqual(['cgroup2 /u '])
    expect(brief(compile(host, mount, false))).toEqual(['bind /u /sys/fs/cgroup/unified'])
  })
})

describe('CVE-2023-25809: a container without a cgroup of its own cannot write to that of the caller', () => {
  const powerless = (host: CgroupHost): CgroupHost => ({
    ...host,
    hierarchies: host.hierarchies.map(one => ({ ...one, writable: false })),
    unified: host.unified && { ...host.unified, writable: false },
  })

  test.each([
    ['v1', hostOf(v1), '/sys/fs/cgroup/memory', '/sys/fs/cgroup/memory/system.slice/web.service'],
    ['v2', hostOf(v2), '/sys/fs/cgroup',
      '/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/node.scope'],
  ])('%s', (_, host, destination, source) => {
    const bound = compile(powerless(host), { options: ['rw'] }, false, true)
      .find(one => one.op === 'bindMount' && one.destination === destination)
    expect(bound).toMatchObject({ source, clear: 0 })
    expect(Number(bound?.op === 'bindMount' && bound.set) & MOUNT_ATTR.RDONLY).toBe(MOUNT_ATTR.RDONLY)
  })
})
