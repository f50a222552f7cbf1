import { thrown } from '../spec/helpers.ts'
import { describe, expect, test } from 'vitest'
import { capabilityMask, planUser } from '../../../lib/plan/identity.ts'
import { capabilityNames } from '../../../lib/spec/names.ts'
import { all, only, phases, planOf, root } from './samples.ts'

const init = (changes: Record<string, unknown> = {}, openFilesHard: number | bigint = 4096) =>
  planOf(changes, { host: { ...root, openFilesHard } }).init

describe('capabilities', () => {
  test('each name is its bit', () => {
    expect(capabilityNames.map((name) => capabilityMask([name])))
      .toEqual(capabilityNames.map((_, bit) => 1n << BigInt(bit)))
    expect(capabilityMask(['CAP_CHOWN', 'CAP_KILL', 'CAP_SYS_ADMIN', 'CAP_CHECKPOINT_RESTORE'])).toBe(0x10000200021n)
  })

  test('names that are not known, in another case or without CAP_, give nothing', () => {
    expect(capabilityMask(['CAP_UNHEARD_OF', 'cap_kill', 'KILL', ''])).toBe(0n)
    expect(capabilityMask(undefined)).toBe(0n)
  })

  test('all of them fit', () => {
    expect(capabilityMask(capabilityNames)).toBe((1n << 41n) - 1n)
  })

  test('the five sets go where they belong', () => {
    const list = init({
      '/process/capabilities': {
        bounding: ['CAP_CHOWN', 'CAP_KILL'], effective: ['CAP_DAC_OVERRIDE'], permitted: ['CAP_DAC_READ_SEARCH'],
        inheritable: ['CAP_FOWNER'], ambient: ['CAP_FSETID'],
      },
    })
    expect(only(list, 'dropBounding')).toEqual({
      op: 'dropBounding', field: '/process/capabilities/bounding', keep: 0x21n,
    })
    expect(only(list, 'setCapabilities')).toEqual({
      op: 'setCapabilities', field: '/process/capabilities', effective: 2n, permitted: 4n, inheritable: 8n,
      ambient: 16n, untilExec: 0n,
    })
  })

  test('without capabilities the process has none, and none to gain', () => {
    const list = init({ '/process/capabilities': undefined })
    expect(only(list, 'dropBounding')).toMatchObject({ keep: 0n, field: '/process' })
    expect(only(list, 'setCapabilities')).toMatchObject({
      field: '/process', effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n,
    })
  })

  test('without a bounding set nothing can be gained', () => {
    expect(only(init({ '/process/capabilities': { permitted: ['CAP_KILL'] } }), 'dropBounding'))
      .toMatchObject({ keep: 0n, field: '/process/capabilities' })
  })
})

describe('the user', () => {
  test('ids and groups', () => {
    expect(only(init({ '/process/user': { uid: 4294967294, gid: 7, additionalGids: [4, 0, 4] } }), 'setUser'))
      .toEqual({ op: 'setUser', field: '/process/user', uid: 4294967294, gid: 7, groups: [4, 0, 4], keepGroups: 0 })
  })

  test('without additional groups the caller\'s are not kept', () => {
    expect(only(init(), 'setUser')).toMatchObject({ groups: [], keepGroups: 0 })
  })

  test('umask, 0022 where it is not given, as in runc', () => {
    expect(only(init({ '/process/user/umask': 0o077 }), 'umask')).toEqual({
      op: 'umask', field: '/process/user/umask', mask: 0o077,
    })
    expect(only(init({ '/process/user/umask': 0 }), 'umask')).toMatchObject({ mask: 0 })
    expect(only(init(), 'umask')).toEqual({ op: 'umask', field: '/process/user', mask: 0o022 })
  })

  test('no_new_privs when it is asked for, and only then', () => {
    expect(only(init({ '/process/noNewPrivileges': true }), 'noNewPrivileges').field).toBe('/process/noNewPrivileges')
    expect(phases(init({ '/process/noNewPrivileges': false }))).not.toContain('noNewPrivileges')
    expect(phases(init({ '/process/noNewPrivileges': undefined }))).not.toContain('noNewPrivileges')
  })
})

describe('resource limits', () => {
  test('exact values of 64 bits under the kernel\'s numbers', () => {
    const list = init({
      '/process/rlimits': [
        { type: 'RLIMIT_RTTIME', soft: 5, hard: 18446744073709551615n },
        { type: 'RLIMIT_NOFILE', soft: 0, hard: 9007199254740993n },
      ],
    })
    expect(all(list, 'rlimit')).toEqual([
      {
        op: 'rlimit', field: '/process/rlimits/0', name: 'RLIMIT_RTTIME', resource: 15, soft: 5,
        hard: 18446744073709551615n,
      },
      {
        op: 'rlimit', field: '/process/rlimits/1', name: 'RLIMIT_NOFILE', resource: 7, soft: 0, hard: 9007199254740993n,
      },
    ])
  })

  test.each([
    [4096, 1024, 4096n], [512, 512n, 512n], [1048576n, 1024, 1048576n],
    [18446744073709551615n, 1024, 18446744073709551615n],
  ])(
    'open files, which Node has raised, are as before Node: hard limit %d', (hard, soft, expected) => {
      const list = init({ '/process/rlimits': [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }] }, hard)
      expect(all(list, 'rlimit')).toMatchObject([
        { name: 'RLIMIT_NOFILE', resource: 7, soft, hard: expected, field: '' }, { name: 'RLIMIT_CORE', resource: 4 },
      ])
    })
})

test('groups that the kernel will not give are refused, unless those of the caller are asked for', () => {
  const process = { args: ['x'], cwd: '/', user: { uid: 0, gid: 0, additionalGids: [5] } }
  const facts = { host: root, field: '/process', groupsDenied: true }
  expect(thrown(() => planUser(process, facts))).toMatchObject({
    code: 'ERR_CONFIG_INVALID', field: '/process/user/additionalGids', message: 'cannot set any additional groups in a rootless container',
  })
  expect(only(planUser(process, { ...facts, keepGroups: true }), 'setUser').keepGroups).toBe(1)
  expect(only(planUser({ ...process, user: { uid: 0, gid: 0 } }, facts), 'setUser').keepGroups).toBe(1)
})
