import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { actionValue, KILL_THREAD } from '../../../lib/seccomp/actions.ts'
import { type ArchitectureName, architectures } from '../../../lib/seccomp/architectures.ts'
import { compileProgram } from '../../../lib/seccomp/compile.ts'
import { systemCalls } from '../../../lib/seccomp/tables.ts'
import type { Seccomp, SeccompArgument, SeccompSyscall } from '../../../lib/spec/schema.ts'
import { Filter } from '../../helpers/filter.ts'

const ALLOW = actionValue('SCMP_ACT_ALLOW'), LOG = actionValue('SCMP_ACT_LOG'), KILL = actionValue('SCMP_ACT_KILL_PROCESS')
const EPERM = actionValue('SCMP_ACT_ERRNO'), ENOSYS = actionValue('SCMP_ACT_ERRNO', 38)

/** What the filter of PROFILE says to a call by its name, or by its number. */
function verdictOf(profile: Seccomp, native: ArchitectureName = 'X86_64') {
  const filter = new Filter(compileProgram(profile, native), 'bigEndian' in architectures[native])
  return (call: string | number, args: readonly (number | bigint)[] = [], architecture = native): number => {
    const number = typeof call === 'number' ? call : systemCalls(architecture).get(call)
    if (number === undefined) throw new Error(`${architecture} has no ${call}`)
    return filter.verdict({ audit: architectures[architecture].audit, number, args: args.map(BigInt) })
  }
}

const rule = (action: SeccompSyscall['action'], names: string | readonly string[], ...args: SeccompArgument[]): SeccompSyscall =>
  ({ names: [names].flat(), action, args })
const argument = (index: number, op: SeccompArgument['op'], value: number | bigint, valueTwo?: number | bigint): SeccompArgument =>
  ({ index, op, value, valueTwo })
const allowing = (...syscalls: SeccompSyscall[]): Seccomp => ({ defaultAction: 'SCMP_ACT_LOG', syscalls })

describe('actions', () => {
  test.each([
    ['SCMP_ACT_KILL', undefined, 0x00000000], ['SCMP_ACT_KILL_THREAD', undefined, 0x00000000],
    ['SCMP_ACT_KILL_PROCESS', undefined, 0x80000000], ['SCMP_ACT_TRAP', undefined, 0x00030000],
    ['SCMP_ACT_ERRNO', undefined, 0x00050001], ['SCMP_ACT_ERRNO', 0, 0x00050000], ['SCMP_ACT_ERRNO', 4095, 0x00050fff],
    ['SCMP_ACT_TRACE', undefined, 0x7ff00001], ['SCMP_ACT_TRACE', 65535, 0x7ff0ffff],
    ['SCMP_ACT_NOTIFY', undefined, 0x7fc00000], ['SCMP_ACT_ALLOW', undefined, 0x7fff0000],
  ] as const)('%s %s', (action, errnoRet, value) => {
    const verdict = verdictOf({ defaultAction: 'SCMP_ACT_LOG', syscalls: [{ names: ['read'], action, errnoRet }] })
    expect(verdict('read')).toBe(value)
    expect(verdict('close')).toBe(LOG)
  })

  test('the default action has an errno of its own', () => {
    expect(verdictOf({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 5 })('read')).toBe(0x00050005)
  })
})

describe('comparisons', () => {
  const big = 0x1_0000_0005n
  const cases: [SeccompArgument['op'], bigint, (value: bigint) => boolean][] = [
    ['SCMP_CMP_NE', big, (value) => value !== big], ['SCMP_CMP_LT', big, (value) => value < big],
    ['SCMP_CMP_LE', big, (value) => value <= big], ['SCMP_CMP_EQ', big, (value) => value === big],
    ['SCMP_CMP_GE', big, (value) => value >= big], ['SCMP_CMP_GT', big, (value) => value > big],
  ]
  const values = [0n, 4n, 5n, 6n, 0xffffffffn, 0x1_0000_0000n, big - 1n, big, big + 1n, 0x2_0000_0000n, 0x2_0000_0005n, (1n << 64n) - 1n]

  test.each(cases)('%s compares all 64 bits, unsigned', (op, value, holds) => {
    for (let index = 0; index < 6; index++) {
      const verdict = verdictOf(allowing(rule('SCMP_ACT_ALLOW', 'read', argument(index, op, value))))
      for (const one of values) {
        expect(verdict('read', Array.from({ length: 6 }, (_, at) => (at === index ? one : 77n)))).toBe(holds(one) ? ALLOW : LOG)
      }
    }
  })

  test('SCMP_CMP_MASKED_EQ: value is the mask, valueTwo what is left of the argument', () => {
    const verdict = verdictOf(allowing(rule('SCMP_ACT_ALLOW', 'clone', argument(0, 'SCMP_CMP_MASKED_EQ', 0x7e020000, 0))))
    expect(verdict('clone', [0x11])).toBe(ALLOW)
    expect(verdict('clone', [0x10000000])).toBe(LOG)
    expect(verdict('clone', [0xffffffff_00000011n])).toBe(ALLOW)
  })

  test('a 32-bit architecture compares the low half', () => {
    const profile = { ...allowing(rule('SCMP_ACT_ALLOW', 'read', argument(0, 'SCMP_CMP_EQ', 5))), architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] as Seccomp['architectures'] }
    expect(verdictOf(profile)('read', [0x1_0000_0005n], 'X86')).toBe(ALLOW)
    expect(verdictOf(profile)('read', [0x1_0000_0005n], 'X32')).toBe(ALLOW)
    expect(verdictOf(profile)('read', [0x1_0000_0005n])).toBe(LOG)
  })

  test('a big-endian one has the halves the other way round', () => {
    const verdict = verdictOf(allowing(rule('SCMP_ACT_ALLOW', 'read', argument(2, 'SCMP_CMP_GT', big))), 'S390X')
    expect([big - 1n, big, big + 1n, 0x2_0000_0000n].map((value) => verdict('read', [0, 0, value]))).toEqual([LOG, LOG, ALLOW, ALLOW])
  })
})

describe('rules', () => {
  test('the conditions of one rule must all hold, one of several rules is enough', () => {
    const verdict = verdictOf(allowing(
      rule('SCMP_ACT_ALLOW', 'fcntl', argument(0, 'SCMP_CMP_EQ', 1), argument(1, 'SCMP_CMP_EQ', 2)),
      rule('SCMP_ACT_ALLOW', 'fcntl', argument(0, 'SCMP_CMP_LE', 5), argument(1, 'SCMP_CMP_EQ', 3)),
    ))
    expect(verdict('fcntl', [1, 2])).toBe(ALLOW)
    expect(verdict('fcntl', [1, 3])).toBe(ALLOW)
    expect(verdict('fcntl', [1, 4])).toBe(LOG)
    expect(verdict('fcntl', [6, 3])).toBe(LOG)
  })

  test('as in runc, two conditions on one argument are alternatives', () => {
    const verdict = verdictOf(allowing(rule('SCMP_ACT_ALLOW', 'read', argument(0, 'SCMP_CMP_EQ', 1), argument(0, 'SCMP_CMP_EQ', 2), argument(1, 'SCMP_CMP_EQ', 9))))
    expect([[1], [2], [3], [3, 9]].map((args) => verdict('read', args))).toEqual([ALLOW, ALLOW, LOG, ALLOW])
  })

  test('one without conditions makes the others needless; the first of them counts', () => {
    const verdict = verdictOf(allowing(
      rule('SCMP_ACT_KILL_PROCESS', 'read', argument(0, 'SCMP_CMP_EQ', 1)), rule('SCMP_ACT_ALLOW', 'read'), rule('SCMP_ACT_TRAP', 'read'),
    ))
    expect(verdict('read', [1])).toBe(ALLOW)
  })

  test('one with the default action is no rule', () => {
    const verdict = verdictOf(allowing(rule('SCMP_ACT_LOG', 'read'), rule('SCMP_ACT_ALLOW', 'read', argument(0, 'SCMP_CMP_EQ', 1))))
    expect(verdict('read', [1])).toBe(ALLOW)
  })

  test('of two that overlap the narrower one decides', () => {
    for (const reversed of [false, true]) {
      const list = [
        rule('SCMP_ACT_ALLOW', 'read', argument(0, 'SCMP_CMP_GE', 5)), rule('SCMP_ACT_KILL_PROCESS', 'read', argument(0, 'SCMP_CMP_EQ', 7)),
        rule('SCMP_ACT_TRAP', 'read', argument(0, 'SCMP_CMP_GE', 9)),
      ]
      const verdict = verdictOf(allowing(...(reversed ? list.reverse() : list)))
      expect([4, 5, 7, 8, 9].map((value) => verdict('read', [value]))).toEqual([LOG, ALLOW, KILL, ALLOW, actionValue('SCMP_ACT_TRAP')])
    }
  })

  test('the same twice is one, the same with another action an error that names the second', () => {
    const same = argument(0, 'SCMP_CMP_EQ', 1)
    expect(verdictOf(allowing(rule('SCMP_ACT_ALLOW', 'read', same), rule('SCMP_ACT_ALLOW', 'read', same)))('read', [1])).toBe(ALLOW)
    expect(() => compileProgram(allowing(rule('SCMP_ACT_ALLOW', 'read', same), rule('SCMP_ACT_TRAP', 'read', same)), 'X86_64')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', field: '/linux/seccomp/syscalls/1', operand: 'read' }) as Error)
  })

  test('names that do not exist are ignored', () => {
    expect(verdictOf(allowing(rule('SCMP_ACT_ALLOW', ['no_such_call', 'read'])))('read')).toBe(ALLOW)
  })
})

describe('architectures', () => {
  const three: Seccomp = {
    defaultAction: 'SCMP_ACT_LOG', architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: [rule('SCMP_ACT_ALLOW', ['getpid', 'socket', 'accept', 'shmget'], argument(1, 'SCMP_CMP_EQ', 4)), rule('SCMP_ACT_ALLOW', 'getuid')],
  }

  test('each has its own numbers', () => {
    const verdict = verdictOf(three)
    expect([verdict(102), verdict(0x40000000 + 102), verdict(24, [], 'X86'), verdict(102, [], 'X86')]).toEqual([ALLOW, ALLOW, ALLOW, LOG])
  })

  test('what is not listed ends the thread; this machine\'s own is always there', () => {
    const verdict = verdictOf({ defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86'] })
    expect([verdict('read'), verdict('read', [], 'X86'), verdict('read', [], 'AARCH64'), verdict('read', [], 'X32')])
      .toEqual([ALLOW, ALLOW, KILL_THREAD, KILL_THREAD])
    expect(verdict(0x40000000)).toBe(KILL_THREAD)
    expect(verdict(0x3fffffff)).toBe(ALLOW)
  })

  test('a call that a tracer skips is not one of x32', () => {
    expect(verdictOf({ defaultAction: 'SCMP_ACT_LOG' })(0xffffffff)).toBe(LOG)
  })

  test.each(['__proto__', 'constructor'])('a call that is called %s is one that there is not', (name) => {
    const verdict = verdictOf({ ...allowing(rule('SCMP_ACT_ALLOW', [name, 'shmdt'])), architectures: ['SCMP_ARCH_X86'] })
    expect([verdict('ipc', [22], 'X86'), verdict('ipc', [23], 'X86')]).toEqual([ALLOW, LOG])
  })

  test('socketcall and ipc stand for the calls behind them, on x86', () => {
    const verdict = verdictOf(three)
    expect(verdict('socket', [0, 4], 'X86')).toBe(ALLOW)
    expect(verdict('socketcall', [1, 4], 'X86')).toBe(ALLOW)
    expect(verdict('socketcall', [1, 5], 'X86')).toBe(LOG)
    expect(verdict('socketcall', [5, 4], 'X86')).toBe(ALLOW)
    expect(verdict('socketcall', [2, 4], 'X86')).toBe(LOG)
    expect(verdict('ipc', [23, 4], 'X86')).toBe(ALLOW)
    expect(verdict('ipc', [24, 4], 'X86')).toBe(LOG)
  })

  test('one of another byte order cannot be in the filter of this machine', () => {
    expect(() => compileProgram({ defaultAction: 'SCMP_ACT_LOG', architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_S390X'] }, 'X86_64')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', field: '/linux/seccomp/architectures/1' }) as Error)
  })

  test.each(Object.keys(architectures) as ArchitectureName[])('%s knows its calls', (name) => {
    const call = systemCalls(name).has('getpid') ? 'getpid' : 'getxpid'
    expect(verdictOf({ defaultAction: 'SCMP_ACT_LOG', syscalls: [rule('SCMP_ACT_ALLOW', call)] }, name)(call)).toBe(ALLOW)
  })
})

describe('calls newer than the profile', () => {
  const profile = (changes: Partial<Seccomp>): Seccomp =>
    ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [rule('SCMP_ACT_ALLOW', ['read', 'openat2'])], ...changes })

  test('are ENOSYS; what lies between those that it knows has the default action', () => {
    const verdict = verdictOf(profile({}))
    expect([verdict('openat2'), verdict('write'), verdict(438), verdict(5000)]).toEqual([ALLOW, EPERM, ENOSYS, ENOSYS])
  })

  test.each(['SCMP_ACT_KILL', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_TRAP'] as const)('also where the default action is %s', (defaultAction) => {
    expect(verdictOf(profile({ defaultAction }))(5000)).toBe(ENOSYS)
  })

  test.each(['SCMP_ACT_LOG', 'SCMP_ACT_TRACE'] as const)('not where it is %s, which lets them through', (defaultAction) => {
    expect(verdictOf(profile({ defaultAction }))(5000)).toBe(actionValue(defaultAction))
  })

  test('names count that have the default action themselves', () => {
    const verdict = verdictOf(profile({ syscalls: [rule('SCMP_ACT_ALLOW', 'read'), rule('SCMP_ACT_ERRNO', 'openat2')] }))
    expect([verdict(436), verdict('openat2'), verdict(438)]).toEqual([EPERM, EPERM, ENOSYS])
  })

  test('a profile without names knows none, and then nothing is newer', () => {
    expect(verdictOf(profile({ syscalls: [] }))(5000)).toBe(EPERM)
  })

  test('what stands for a call that the profile names is known: ipc and socketcall have higher numbers than their calls may', () => {
    const named: Seccomp = { defaultAction: 'SCMP_ACT_ERRNO', architectures: ['SCMP_ARCH_X86'], syscalls: [rule('SCMP_ACT_ALLOW', ['read', 'semop'])] }
    const verdict = verdictOf(named)
    expect([verdict('ipc', [1], 'X86'), verdict('ipc', [2], 'X86'), verdict(118, [], 'X86')]).toEqual([ALLOW, EPERM, ENOSYS])
  })

  test('each architecture has its own last one; on s390 the unknown ones come as number 0', () => {
    const verdict = verdictOf(profile({ architectures: ['SCMP_ARCH_X32', 'SCMP_ARCH_X86'] }))
    expect([verdict(0x40000000 + 437), verdict(0x40000000 + 438), verdict(438, [], 'X86'), verdict(0xffffffff)]).toEqual([ALLOW, ENOSYS, ENOSYS, EPERM])
    expect(verdictOf(profile({}), 'S390X')(0)).toBe(ENOSYS)
    expect(verdictOf(profile({}), 'S390X')(1)).toBe(EPERM)
  })
})

describe('size', () => {
  const docker = JSON.parse(readFileSync(new URL('../../fixtures/seccomp-default.json', import.meta.url), 'utf8')) as Seccomp

  test('Docker\'s profile for three architectures', () => {
    expect(new Filter(compileProgram(docker, 'X86_64')).length).toBeLessThan(400)
  })

  test('jumps over more than 255 instructions', () => {
    const names = [...systemCalls('X86_64').keys()]
    const profile = allowing(...names.map((name, at) => rule(at % 2 === 0 ? 'SCMP_ACT_ALLOW' : 'SCMP_ACT_KILL_PROCESS', name, argument(at % 6, 'SCMP_CMP_EQ', at))))
    const verdict = verdictOf(profile)
    for (const [at, name] of names.entries()) {
      const args = Array.from({ length: 6 }, (_, index) => (index === at % 6 ? at : 9999))
      expect(verdict(name, args)).toBe(at % 2 === 0 ? ALLOW : KILL)
      expect(verdict(name, args.map((one) => one + 1))).toBe(LOG)
    }
  })

  test('a program that the kernel would not take is an error', () => {
    const rules = Array.from({ length: 1500 }, (_, at) => rule('SCMP_ACT_ALLOW', 'read', argument(0, 'SCMP_CMP_EQ', BigInt(at) << 20n)))
    expect(() => compileProgram(allowing(...rules), 'X86_64')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', field: '/linux/seccomp' }) as Error)
  })
})
