import { beforeEach, describe, expect, test, vi } from 'vitest'
import { main } from '../../../lib/cli/main.ts'
import type { CgroupHost } from '../../../lib/cgroup/host.ts'
import type { Check, Look } from '../../../lib/doctor/check.ts'
import { diagnose } from '../../../lib/doctor/doctor.ts'
import { allControllers, hostOf, hybrid, v2 } from '../cgroup/samples.ts'

const features = {
  clone3: '', cloneIntoCgroup: '', userNamespace: '', openat2: '', openTree: '', mountSetattr: '', pidfdOpen: '', closeRange: '', initImage: '',
}
const files: Readonly<Record<string, string>> = {
  '/proc/sys/kernel/seccomp/actions_avail': 'kill_process errno user_notif\n', '/proc/sys/user/max_user_namespaces': '15000\n',
  '/etc/subuid': 'other:1:2\nme:100000:65536\n', '/etc/subgid': '1000:100000:65536\n',
  '/sys/kernel/security/lsm': 'capability,apparmor', '/sys/module/apparmor/parameters/enabled': 'Y\n', '/sys/fs/selinux/enforce': '0',
}

/** A host that has everything, changed. */
const host = (change: Partial<Look> = {}, changedFiles: Readonly<Record<string, string | undefined>> = {}): Look => {
  const all = { ...files, ...changedFiles }
  return {
    read: (path) => all[path], exists: (path) => path.startsWith('/proc/self/ns/') || all[path] !== undefined || path === '/run',
    writable: () => true, find: (program) => `/usr/bin/${program}`, uid: 0, user: 'root', release: '6.12.0', node: 'v20.0.0', root: '/run/nrunc',
    addon: features, cgroups: hostOf(v2, allControllers), systemd: { version: '257.1' }, criu: 'Version: 4.1\n', ...change,
  }
}
const user = { uid: 1000, user: 'me' }
const find = (look: Look, name: string): Check => {
  const found = diagnose(look).filter((one) => one.name === name)
  if (found[0] === undefined || found.length > 1) throw new Error(`${found.length} checks ${name}`)
  return found[0]
}
const none: CgroupHost = { mode: 'none', hierarchies: [] }
const closed = (cgroups: CgroupHost, delegated: readonly string[]): CgroupHost => ({
  ...cgroups, unified: cgroups.unified && { ...cgroups.unified, writable: false, delegated },
})

describe('a host that has everything', () => {
  test.each([{}, user])('%o', (change) => {
    const checks = diagnose(host(change))
    expect(checks.filter(({ status, advice }) => status !== 'ok' || advice !== undefined)).toEqual([])
    expect(new Set(checks.map(({ area }) => area))).toEqual(new Set(['nrunc', 'kernel', 'cgroup', 'user', 'security', 'tools']))
    expect(new Set(checks.map(({ area, name }) => `${area} ${name}`)).size).toBe(checks.length)
  })
})

describe('what is missing', () => {
  test.each<readonly [string, Look, Partial<Check>]>([
    ['addon', host({ addon: 'cannot load' }), { status: 'missing', needed: true, detail: 'cannot load', advice: expect.stringContaining('npm rebuild') }],
    ['state root', host({ writable: (path) => path !== '/run' }), { status: 'missing', needed: true, advice: expect.stringContaining('--root') }],
    ['clone3', host({ addon: { ...features, clone3: 'ENOSYS' } }), { status: 'missing', needed: true, detail: expect.stringContaining('ENOSYS'), advice: 'use Linux 5.3 or newer' }],
    ['openat2', host({ addon: { ...features, openat2: 'EPERM' } }), { status: 'missing', advice: expect.stringContaining('seccomp filter') }],
    ['mount_setattr', host({ addon: { ...features, mountSetattr: 'ENOSYS' } }), { status: 'missing', needed: false }],
    ['namespaces', host({ exists: (path) => path !== '/proc/self/ns/time' }), { status: 'missing', needed: false, detail: 'without time' }],
    ['namespaces', host({ exists: () => false }), { status: 'missing', needed: true }],
    ['seccomp', host({}, { '/proc/sys/kernel/seccomp/actions_avail': undefined }), { status: 'missing' }],
    ['seccomp', host({}, { '/proc/sys/kernel/seccomp/actions_avail': 'errno' }), { status: 'limited' }],
    ['memfd', host({}, { '/proc/sys/vm/memfd_noexec': '2\n' }), { status: 'limited', advice: expect.stringContaining('vm.memfd_noexec') }],
    ['memfd', host({ addon: { ...features, initImage: 'EACCES' } }), { status: 'missing', needed: true }],
    ['controllers', host({ ...user, cgroups: closed(hostOf(v2, allControllers), ['memory', 'pids']) }),
      { status: 'limited', detail: 'memory pids; no limits of cpu cpuset io', advice: expect.stringContaining('Delegate=cpu') }],
    ['controllers', host({ cgroups: hostOf(v2, ['cpu']) }), { status: 'limited', detail: 'cpu; no limits of memory pids cpuset io' }],
    ['access', host({ ...user, cgroups: closed(hostOf(v2, allControllers), allControllers) }),
      { status: 'limited', needed: false, advice: expect.stringContaining('systemd-run --user') }],
    ['access', host({ writable: (path) => path !== '/sys/fs/cgroup' }), { status: 'missing', needed: true }],
    ['systemd', host({ systemd: undefined }), { status: 'missing', needed: false }],
    ['systemd', host({ cgroups: hostOf(hybrid, []) }), { status: 'missing', detail: expect.stringContaining('cgroup v2') }],
    ['systemd', host({ systemd: { problem: 'no bus' } }), { status: 'missing', detail: expect.stringContaining('no bus') }],
    ['systemd', host({ systemd: { version: '239' } }), { status: 'missing', advice: expect.stringContaining('244') }],
    ['user namespaces', host(user, { '/proc/sys/user/max_user_namespaces': '0' }),
      { status: 'missing', needed: true, detail: 'cannot be made: user.max_user_namespaces=0', advice: expect.stringContaining('sysctl') }],
    ['user namespaces', host(user, { '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1' }), { status: 'missing', needed: true }],
    ['user namespaces', host({}, { '/proc/sys/kernel/unprivileged_userns_clone': '0' }), { status: 'limited', needed: false }],
    ['user namespaces', host({ ...user, addon: { ...features, userNamespace: 'EPERM' } }), { status: 'missing', detail: 'cannot be made (EPERM)' }],
    ['subordinate ids', host(user, { '/etc/subuid': 'other:1:2' }), { status: 'limited', advice: expect.stringContaining('usermod') }],
    ['newuidmap', host({ ...user, find: () => undefined }), { status: 'limited', advice: expect.stringContaining('uidmap') }],
    ['AppArmor', host({}, { '/sys/module/apparmor/parameters/enabled': undefined }), { status: 'missing', needed: false }],
    ['SELinux', host({}, { '/sys/fs/selinux/enforce': undefined }), { status: 'missing', needed: false }],
    ['criu', host({ criu: undefined }), { status: 'missing', advice: expect.stringContaining('install') }],
    ['criu', host({ criu: 'cannot start\nat all' }), { status: 'missing', detail: 'does not run: cannot start' }],
  ])('%s', (name, look, expected) => {
    expect(find(look, name)).toMatchObject(expected)
  })

  test('without any cgroup, root needs one', () => {
    const found = diagnose(host({ cgroups: none })).filter(({ area }) => area === 'cgroup')
    expect(found.map(({ name, status, needed }) => [name, status, needed])).toEqual([['version', 'missing', true], ['systemd', 'missing', false]])
    expect(diagnose(host({ ...user, cgroups: none })).find(({ area }) => area === 'cgroup')?.needed).toBe(false)
  })
})

const output = vi.hoisted(() => ({ stdout: '', stderr: '' }))
const seen = vi.hoisted(() => ({ look: undefined as unknown }))
vi.mock('../../../lib/cli/output.ts', () => ({
  print: (text: string) => { output.stdout += text },
  writeAll: (fd: number, text: string) => { output[fd === 1 ? 'stdout' : 'stderr'] += text },
}))
vi.mock('../../../lib/doctor/gather.ts', () => ({ gather: async () => seen.look }))

describe('nrunc doctor', () => {
  beforeEach(() => { Object.assign(output, { stdout: '', stderr: '' }) })

  test('0 with a table', async () => {
    seen.look = host()
    expect(await main(['doctor'])).toBe(0)
    expect(output.stdout).toMatch(/^AREA +CHECK +STATUS +DETAIL\nnrunc +node +ok +v20/)
    expect(output.stdout).not.toContain('What to change')
  })

  test('1 when something needed is missing, and what to change', async () => {
    seen.look = host({ addon: { ...features, clone3: 'ENOSYS' }, criu: undefined })
    expect(await main(['doctor'])).toBe(1)
    expect(output.stdout).toMatch(/^kernel +clone3 +NEEDED +.*ENOSYS/m)
    expect(output.stdout).toMatch(/^tools +criu +missing/m)
    expect(output.stdout).toMatch(/\n\nWhat to change:\nkernel, clone3: use Linux 5.3 or newer\ntools, criu: install criu/)
  })

  test('json', async () => {
    seen.look = host({ criu: undefined })
    expect(await main(['doctor', '--format', 'json'])).toBe(0)
    expect((JSON.parse(output.stdout) as Check[]).at(-1)).toEqual({
      area: 'tools', name: 'criu', status: 'missing', needed: false, detail: expect.any(String), advice: expect.any(String),
    })
  })

  test('another format', async () => {
    expect(await main(['doctor', '-f', 'xml'])).toBe(1)
    expect(output.stderr).toContain('invalid format option')
  })
})
