import { describe, expect, test } from 'vitest'
import type { HostFacts } from '../../../lib/plan/context.ts'
import { compileExec } from '../../../lib/plan/exec.ts'
import { thrown } from '../spec/helpers.ts'
import { all, descriptors, listed, only, phases, planOf, root } from './samples.ts'

const apparmor: HostFacts = { ...root, apparmor: true }
const selinux: HostFacts = { ...root, selinux: true }
const label = 'system_u:system_r:container_t:s0:c1,c2'
const exec = (process: object, host: HostFacts) => listed(compileExec(
  { args: ['ps'], cwd: '/', user: { uid: 0, gid: 0 }, ...process },
  { id: 'web', host, cgroupPaths: {}, namespaces: [], groupsDenied: false, noNewKeyring: false, descriptors },
))

describe('apparmorProfile', () => {
  test('is set before the limits and no_new_privs, for run and exec', () => {
    const changes = { '/process/apparmorProfile': 'web', '/process/noNewPrivileges': true }
    for (const [init, field] of [
      [planOf(changes, { host: apparmor }).init, '/process/apparmorProfile'],
      [exec({ apparmorProfile: 'web', noNewPrivileges: true }, apparmor).init, '/apparmorProfile'],
    ] as const) {
      expect(only(init, 'setAppArmorProfile')).toEqual({ op: 'setAppArmorProfile', field, profile: 'web' })
      const order = phases(init)
      expect(order.indexOf('setAppArmorProfile')).toBeLessThan(order.indexOf('noNewPrivileges'))
      expect(order.indexOf('setAppArmorProfile')).toBeLessThan(order.indexOf('setUser'))
    }
  })

  test.each([undefined, ''])('%j asks for nothing', (profile) => {
    expect(phases(planOf({ '/process/apparmorProfile': profile }).init)).not.toContain('setAppArmorProfile')
  })

  test('is refused where the host has no AppArmor', () => {
    const message = 'unable to apply apparmor profile: apparmor: config provided but apparmor not supported'
    expect(thrown(() => planOf({ '/process/apparmorProfile': 'web' }, { host: selinux }))).toMatchObject({
      code: 'ERR_CONFIG_INVALID', field: '/process/apparmorProfile', operand: 'web',
      message: `${message} (field /process/apparmorProfile)`,
    })
    expect(thrown(() => exec({ apparmorProfile: 'web' }, root)).field).toBe('/apparmorProfile')
  })
})

describe('selinuxLabel', () => {
  test('is the label of the program and of its keyring, and only of these', () => {
    const { init } = planOf({ '/process/selinuxLabel': label }, { host: selinux })
    const field = '/process/selinuxLabel'
    expect(all(init, 'setSelinuxLabel')).toEqual([
      { op: 'setSelinuxLabel', field, attribute: 'keycreate', label },
      { op: 'setSelinuxLabel', field, attribute: 'keycreate', label: '' },
      { op: 'setSelinuxLabel', field, attribute: 'exec', label },
    ])
    const order = phases(init)
    const keyring = order.indexOf('sessionKeyring')
    expect(order.slice(keyring - 1, keyring + 2)).toEqual(['setSelinuxLabel', 'sessionKeyring', 'setSelinuxLabel'])
    expect(all(exec({ selinuxLabel: label }, selinux).init, 'setSelinuxLabel').map(({ field: at }) => at))
      .toEqual(Array(3).fill('/selinuxLabel'))
  })

  test('without a keyring of its own only of the program', () => {
    const { init } = planOf({ '/process/selinuxLabel': label }, { host: selinux, noNewKeyring: true })
    expect(only(init, 'setSelinuxLabel').attribute).toBe('exec')
  })

  test('is refused where the host has no SELinux, in runc\'s words', () => {
    expect(thrown(() => planOf({ '/process/selinuxLabel': label }, { host: apparmor }))).toMatchObject({
      code: 'ERR_CONFIG_INVALID', field: '/process/selinuxLabel', operand: label,
      message: 'selinux label is specified in config, but selinux is disabled or not supported (field /process/selinuxLabel)',
    })
  })
})

describe('mountLabel', () => {
  const planned = () => planOf({
    '/linux/mountLabel': label, '/linux/maskedPaths': ['/proc/acpi'],
    '/mounts': [
      { destination: '/proc', type: 'proc' }, { destination: '/sys', type: 'sysfs' },
      { destination: '/a', type: 'tmpfs' }, { destination: '/b', type: 'tmpfs', options: ['size=1m'] },
      { destination: '/c', source: '/c', options: ['bind'] },
    ],
  }, { host: selinux }).init

  test('is the context of every new file system but those with labels of their own', () => {
    expect(all(planned(), 'mount').map(({ data }) => data)).toEqual([
      '', '', `context="${label}"`, `size=1m,context="${label}"`,
    ])
  })

  test('an mqueue gets it after it is mounted: its context was settled when the ipc namespace was made', () => {
    const { init } = planOf({
      '/linux/mountLabel': label, '/mounts': [{ destination: '/dev/mqueue', type: 'mqueue' }],
    }, { host: selinux })
    expect(only(init, 'mount').data).toBe('')
    expect(only(init, 'labelDirectory')).toEqual({ op: 'labelDirectory', field: '/linux/mountLabel', path: '/dev/mqueue', label })
    expect(phases(init).indexOf('labelDirectory')).toBe(phases(init).indexOf('mount') + 1)
  })

  test('and of what covers masked directories', () => {
    expect(only(planned(), 'maskPath').label).toBe(label)
  })

  test('is refused where the host has no SELinux: the kernel would refuse it or let it fall', () => {
    expect(thrown(() => planOf({ '/linux/mountLabel': label }))).toMatchObject({
      code: 'ERR_CONFIG_INVALID', field: '/linux/mountLabel', operand: label,
    })
  })

  test('is refused without a mount namespace', () => {
    expect(thrown(() => planOf({
      '/linux/mountLabel': label, '/linux/namespaces': [{ type: 'uts' }], '/mounts': [], '/linux/maskedPaths': [],
      '/linux/readonlyPaths': [], '/root/readonly': false, '/process/terminal': false,
    }, { host: selinux })).message).toBe('/linux/mountLabel needs a mount namespace')
  })
})
