/**
 * Device rules, enforced: by the devices controller on cgroup v1, by a program of the cgroup on v2. Source: runtime-
 * spec config-linux.md "Allowed Device list".
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Spec } from '../../lib/index.ts'
import { cgroupDirectory, hierarchyOf } from '../helpers/cgroup.ts'
import { useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { errnoOf } from '../helpers/probe.ts'

type Rules = NonNullable<NonNullable<NonNullable<Spec['linux']>['resources']>['devices']>

/** Nobody has a driver for it: who may open it is told ENXIO, and who may not, EPERM. */
const [major, minor] = [511, 7]
const mayOpen = 'open ENXIO'
const mayNot = 'open EPERM'

describeWith([...container, 'compiler'], 'device rules', () => {
  const sandbox = useSandbox()
  const attempt = async (
    rules: Rules,
    access: 'r' | 'w',
    type: 'b' | 'c' = 'c',
    number = [major, minor],
    capabilities = ['CAP_MKNOD'],
  ) => {
    const words = ['probe', 'device', '/tmp/device', type, ...number.map(String), access]
    const { stdout } = await sandbox.output(words, ({ process, mounts, linux }) => {
      process.capabilities = { bounding: capabilities, permitted: capabilities, effective: capabilities }
      mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' })
      linux.resources = { devices: rules }
    })
    return errnoOf(stdout)
  }
  const denyAll = { allow: false, access: 'rwm' }

  test('a device that no rule allows can be made, but not opened', async () => {
    expect(await attempt([denyAll], 'r')).toBe(mayNot)
    expect(await attempt([denyAll], 'w')).toBe(mayNot)
    expect(await attempt([denyAll], 'r', 'b')).toBe(mayNot)
  })

  test('without rules nothing but the default devices is allowed', async () => {
    expect(await attempt([], 'r')).toBe(mayNot)
  })

  test('the default devices can be used whatever the rules say', async () => {
    expect(
      await attempt([denyAll, { allow: false, type: 'c', major: 1, minor: 3, access: 'rwm' }], 'w', 'c', [1, 3]),
    ).toBe('open ok')
  })

  test('a rule allows one device, for one kind of access', async () => {
    const rules = [denyAll, { allow: true, type: 'c', major, minor, access: 'r' }]
    expect(await attempt(rules, 'r')).toBe(mayOpen)
    expect(await attempt(rules, 'w')).toBe(mayNot)
    expect(await attempt(rules, 'r', 'b')).toBe(mayNot)
    expect(await attempt(rules, 'r', 'c', [major, minor + 1])).toBe(mayNot)
  })

  test('a rule without numbers is for all of its type', async () => {
    const rules = [denyAll, { allow: true, type: 'b', access: 'rw' }]
    expect(await attempt(rules, 'w', 'b')).toBe(mayOpen)
    expect(await attempt(rules, 'w', 'c')).toBe(mayNot)
  })

  test('everything allowed, but for one kind of access to one device', async () => {
    const rules = [{ allow: true, access: 'rwm' }, { allow: false, type: 'c', major, minor, access: 'w' }]
    expect(await attempt(rules, 'r')).toBe(mayOpen)
    expect(await attempt(rules, 'w')).toBe(mayNot)
    expect(await attempt(rules, 'w', 'c', [major, minor + 1])).toBe(mayOpen)
  })

  test('without CAP_MKNOD no device can be made', async () => {
    expect(await attempt([{ allow: true, access: 'rwm' }], 'r', 'c', [1, 3], [])).toBe('mknod EPERM')
  })

  test('exec is under the same rules', async () => {
    const made = await sandbox.run(['sleep', '1000'], ({ process, mounts }) => {
      const capabilities = ['CAP_MKNOD']
      process.capabilities = { bounding: capabilities, permitted: capabilities, effective: capabilities }
      mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' })
    })
    const added = await made.exec({ args: ['probe', 'device', '/tmp/device', 'c', String(major), String(minor), 'r'] })
    const [line] = await added.stdout!.toArray() as Buffer[]
    expect(errnoOf(String(line))).toBe(mayNot)
  })

  test.skipIf(hierarchyOf('devices') === undefined)('cgroup v1: the rules are in devices.list', async () => {
    const made = await sandbox.create(['true'], ({ linux }) => {
      linux.resources = { devices: [denyAll, { allow: true, type: 'c', major, minor, access: 'rw' }] }
    })
    const list = readFileSync(`${cgroupDirectory(made.id, 'devices')}/devices.list`, 'utf8').trim().split('\n')
    expect(list).toEqual(
      expect.arrayContaining([`c ${major}:${minor} rw`, 'c *:* m', 'b *:* m', 'c 1:3 rwm', 'c 136:* rwm', 'c 5:2 rwm']),
    )
    expect(list).not.toContain('a *:* rwm')
  })

  test('a hole in an exception is refused on cgroup v1 and made on v2', async () => {
    const rules = [
      denyAll,
      { allow: true, type: 'c', major, access: 'rwm' },
      { allow: false, type: 'c', major, minor, access: 'rwm' },
    ]
    if (hierarchyOf('devices') === undefined) {
      expect(await attempt(rules, 'r')).toBe(mayNot)
      expect(await attempt(rules, 'r', 'c', [major, minor + 1])).toBe(mayOpen)
    } else {
      await expect(attempt(rules, 'r')).rejects.toMatchObject({
        code: 'ERR_CONFIG_INVALID',
        field: '/linux/resources/devices/2',
      })
    }
  })
})
