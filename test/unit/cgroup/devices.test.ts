import { describe, expect, test } from 'vitest'
import { deviceProgram } from '../../../lib/cgroup/device-program.ts'
import { deviceLimits, devicePolicy } from '../../../lib/cgroup/devices.ts'
import { NruncError } from '../../../lib/errors.ts'
import type { DeviceRule } from '../../../lib/spec/schema.ts'
import { allows, type DeviceRequest, unreachable } from './bpf.ts'

const denyAll: DeviceRule = { allow: false, access: 'rwm' }
const allowAll: DeviceRule = { allow: true, access: 'rwm' }
const rule = (allow: boolean, text: string): DeviceRule => {
  const [, type, major, minor, access] = /^([abc]) (\S+):(\S+) (\w+)$/.exec(text)!
  return {
    allow, type, access, ...(major !== '*' && { major: Number(major) }), ...(minor !== '*' && { minor: Number(minor) }),
  }
}
const allow = (text: string): DeviceRule => rule(true, text)
const deny = (text: string): DeviceRule => rule(false, text)
const request = (text: string): DeviceRequest => {
  const [, type, major, minor, access] = /^([bc]) (\d+):(\d+) (\w+)$/.exec(text)!
  return { type: type as 'b', major: Number(major), minor: Number(minor), access: access! }
}

/** The rules that follow those of config.json; written down once more, apart from the code under test. */
const builtIn = [
  'c *:* m', 'b *:* m', 'c 1:3 rwm', 'c 1:8 rwm', 'c 1:7 rwm', 'c 5:0 rwm', 'c 1:5 rwm', 'c 1:9 rwm',
  'c 136:* rwm', 'c 5:2 rwm',
]

/** The meaning of a list of rules, kind of access by kind of access: the last rule that covers it decides. */
function meaning(rules: readonly DeviceRule[], { type, major, minor, access }: DeviceRequest): boolean {
  const all = [...rules, ...builtIn.map(allow)]
  const covers = (one: DeviceRule): boolean => ((one.type ?? 'a') === 'a' || one.type === type)
    && (one.major === undefined || one.major === major) && (one.minor === undefined || one.minor === minor)
  return [...access].every(letter => all.findLast(one => covers(one) && one.access!.includes(letter))?.allow ?? false)
}

/** The kernel's `devices.allow` and `devices.deny`: one default and exceptions, of which one has to cover a request. */
function kernelAllows(rules: readonly DeviceRule[], { type, major, minor, access }: DeviceRequest): boolean {
  let fallback = false
  let exceptions: string[] = []
  for (const { file, value } of deviceLimits(devicePolicy(rules))) {
    if (value.startsWith('a')) [fallback, exceptions] = [file === 'devices.allow', []]
    else if ((file === 'devices.allow') === fallback) throw new Error('an exception that is none')
    else exceptions.push(value)
  }
  const covers = (text: string): boolean => {
    const [ofType, numbers, kinds] = text.split(' ')
    const [ofMajor, ofMinor] = numbers!.split(':')
    return ofType === type && ['*', String(major)].includes(ofMajor!) && ['*', String(minor)].includes(ofMinor!)
      && [...access][fallback ? 'some' : 'every'](letter => kinds!.includes(letter))
  }
  return exceptions.some(covers) !== fallback
}

function programAllows(rules: readonly DeviceRule[], asked: DeviceRequest): boolean {
  const program = deviceProgram(devicePolicy(rules))
  return program === undefined || allows(program, asked)
}

const cases: [string, DeviceRule[], string[], string[]][] = [
  ['no rules at all', [],
    ['c 1:3 rw', 'c 1:3 rwm', 'c 136:77 rw', 'c 5:2 w', 'b 8:0 m', 'c 9:9 m'],
    ['b 8:0 r', 'c 10:200 rw', 'c 1:1 r', 'c 5:1 r', 'b 1:3 rw', 'c 9:9 rm']],
  ['the default spec', [denyAll], ['c 1:3 rw', 'b 8:0 m'], ['b 8:0 r', 'c 1:1 r']],
  ['everything', [allowAll], ['b 8:0 rwm', 'c 1:1 rw'], []],
  ['everything, then nothing', [allowAll, denyAll], ['c 1:3 rw'], ['b 8:0 r']],
  ['nothing, then everything', [denyAll, allow('b 8:0 r'), allowAll], ['b 9:9 rwm'], []],
  ['one device', [denyAll, allow('b 8:1 rw')], ['b 8:1 r', 'b 8:1 rw', 'b 8:1 m'], ['b 8:2 r', 'c 8:1 r']],
  ['one major number', [denyAll, allow('b 8:* r')], ['b 8:0 r', 'b 8:255 r'], ['b 8:0 w', 'b 8:0 rw', 'b 9:0 r']],
  ['one minor number', [denyAll, allow('c *:7 r')], ['c 200:7 r'], ['c 200:8 r', 'c 200:7 w']],
  ['numbers of 32 bits', [denyAll, allow('b 4294967295:4294967295 r')],
    ['b 4294967295:4294967295 r'], ['b 4294967295:4294967294 r', 'b 0:4294967295 r']],
  ['taken back exactly', [denyAll, allow('b 8:1 rw'), deny('b 8:1 w')], ['b 8:1 r'], ['b 8:1 w', 'b 8:1 rw']],
  ['taken back by a wider rule', [denyAll, allow('b 8:1 rw'), allow('b 9:1 rw'), deny('b 8:* rw')],
    ['b 9:1 r'], ['b 8:1 r', 'b 8:1 rw']],
  ['denied from everything', [allowAll, deny('b 8:* w')], ['b 8:0 r', 'b 9:0 w', 'b 8:0 m'], ['b 8:0 w', 'b 8:0 rw']],
  ['denied from everything, allowed again', [allowAll, deny('b 8:0 rw'), allow('b 8:0 r')],
    ['b 8:0 r'], ['b 8:0 w', 'b 8:0 rw']],
  ['the built-in rules win', [allowAll, deny('c 1:3 rwm'), deny('c 9:9 m')], ['c 1:3 rw', 'c 9:9 m'], []],
  ['a denial of what is denied, as Docker writes it', [denyAll, deny('c 10:229 rwm')],
    ['c 1:3 r', 'c 10:229 m'], ['c 10:229 r']],
  ['both types, some access', [denyAll, { allow: true, type: 'a', access: 'r' }], ['b 1:1 r', 'c 1:1 r'], ['b 1:1 w']],
  ['major and minor of -1 are any', [denyAll, { allow: true, type: 'b', major: -1, minor: -1, access: 'r' }],
    ['b 1:1 r'], ['c 1:1 r']],
  ['type "" is all', [allowAll, { allow: false, type: '', access: 'rwm' }], ['c 1:3 r'], ['b 8:0 r']],
]

describe.each(cases)('%s', (_, rules, allowed, denied) => {
  test.each([...allowed.map(text => [text, true] as const), ...denied.map(text => [text, false] as const)])(
    '%s: %s', (text, expected) => {
      expect(programAllows(rules, request(text))).toBe(expected)
      expect(kernelAllows(rules, request(text))).toBe(expected)
    })
})

const differs = (what: string, rules: readonly DeviceRule[], asked: DeviceRequest): Error =>
  new Error(`${what} differs: ${JSON.stringify({ rules, asked })}`)

test('random rules mean the same in the program, in the v1 files and read as they stand', () => {
  let seed = 20260818
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * limit)
  }
  const accesses = ['r', 'w', 'm', 'rw', 'rm', 'wm', 'rwm']
  const number = (): number | undefined => [undefined, 0, 1, 3, 8][below(5)]
  const compared = { v1: 0, v2: 0, allowed: 0 }
  for (let round = 0; round < 200; round += 1) {
    const rules = Array.from({ length: below(7) }, (): DeviceRule => below(8) === 0 ? [allowAll, denyAll][below(2)]! : {
      allow: below(2) === 1, type: 'bc'[below(2)]!, major: number(), minor: number(), access: accesses[below(7)]!,
    })
    const program = deviceProgram(devicePolicy(rules))
    if (program !== undefined) expect(unreachable(program)).toEqual([])
    for (const type of ['b', 'c'] as const) for (const major of [0, 1, 3, 8, 9]) for (const minor of [0, 3, 8, 9]) {
      for (const access of accesses) {
        const asked = { type, major, minor, access }
        const expected = meaning(rules, asked)
        if ((program === undefined || allows(program, asked)) !== expected) throw differs('program', rules, asked)
        compared.v2 += 1
        compared.allowed += Number(expected)
        // The kernel wants all kinds from one exception; it never asks for mknod together with the others.
        if (access.length > 1) continue
        try {
          if (kernelAllows(rules, asked) !== expected) throw differs('v1', rules, asked)
          compared.v1 += 1
        } catch (error) {
          if (!(error instanceof NruncError)) throw error
        }
      }
    }
  }
  expect(compared.v1).toBeGreaterThan(5000)
  expect(compared.allowed).toBeGreaterThan(compared.v2 / 10)
  expect(compared.allowed).toBeLessThan(compared.v2 * 0.9)
})

describe('what is written on v1', () => {
  test('the default spec', () => {
    const written = deviceLimits(devicePolicy([denyAll]))
    expect(written[0]).toEqual({
      file: 'devices.deny', value: 'a *:* rwm', field: '/linux/resources/devices/0', optional: false,
    })
    expect(written.slice(1).map(({ file, value }) => `${file} ${value}`)).toEqual(
      builtIn.map(text => `devices.allow ${text}`))
  })

  test('a rule that repeats another one is written once, under the field of the first', () => {
    const written = deviceLimits(devicePolicy([denyAll, allow('c 1:3 r'), allow('b 8:0 r'), allow('b 8:0 w')]))
    expect(written.filter(({ value }) => /1:3|8:0/.test(value)).map(({ value, field }) => [value, field])).toEqual([
      ['c 1:3 rwm', '/linux/resources/devices/1'], ['b 8:0 rw', '/linux/resources/devices/2'],
    ])
  })

  test('a device of linux.devices takes the place of a default one', () => {
    const values = deviceLimits(devicePolicy([denyAll], ['/dev/null', '/dev/fuse'])).map(({ value }) => value)
    expect(values).not.toContain('c 1:3 rwm')
    expect(values).toContain('c 1:5 rwm')
  })

  test('a hole in a wildcard is refused, for the kernel would ignore it', () => {
    expect(() => deviceLimits(devicePolicy([denyAll, allow('c 10:* rw'), deny('c 10:229 w')]))).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIG_INVALID', field: '/linux/resources/devices/2',
        message: 'requested rule [c 10:229 w] not supported by devices cgroupv1 '
          + '(cannot punch hole in existing wildcard rule [c 10:* rw])',
      }))
    expect(() => deviceLimits(devicePolicy([denyAll, allow('c 10:* r'), deny('c *:229 r')]))).toThrow('punch hole')
    expect(programAllows([denyAll, allow('c 10:* rw'), deny('c 10:229 w')], request('c 10:229 w'))).toBe(false)
    expect(programAllows([denyAll, allow('c 10:* rw'), deny('c 10:229 w')], request('c 10:228 w'))).toBe(true)
  })
})

test.each<[DeviceRule, string, string]>([
  [{ allow: true, type: 'u', access: 'r' }, 'type', 'invalid cgroup device type "u"'],
  [{ allow: true, type: 'c', access: '' }, 'access', 'device access at 1 field cannot be empty'],
  [{ allow: true, type: 'c' }, 'access', 'device access at 1 field cannot be empty'],
  [{ allow: true, type: 'c', access: 'rx' }, 'access', 'unknown device access "x"'],
  [{ allow: true, type: 'c', major: 4294967296, access: 'r' }, 'major', 'invalid major 4294967296'],
  [{ allow: true, type: 'c', minor: 2 ** 40, access: 'r' }, 'minor', 'invalid minor 1099511627776'],
])('%j is refused', (bad, name, message) => {
  expect(() => devicePolicy([denyAll, bad])).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_INVALID', field: `/linux/resources/devices/1/${name}`, message }))
})

describe('the program', () => {
  test('is not needed where everything is allowed', () => {
    expect(deviceProgram(devicePolicy([allowAll]))).toBeUndefined()
    expect(deviceProgram(devicePolicy([denyAll, allowAll, allow('b 8:0 r')]))).toBeUndefined()
  })

  test('has no instruction that is not reached', () => {
    for (const [, rules] of cases) {
      const program = deviceProgram(devicePolicy(rules))
      if (program !== undefined) expect(unreachable(program)).toEqual([])
    }
  })

  test('begins with the four loads and ends with an exit', () => {
    const program = deviceProgram(devicePolicy([denyAll]))!
    expect([...program.subarray(0, 16)]).toEqual([0x61, 0x12, 0, 0, 0, 0, 0, 0, 0x61, 0x13, 0, 0, 0, 0, 0, 0])
    expect([...program.subarray(-8)]).toEqual([0x95, 0, 0, 0, 0, 0, 0, 0])
    expect(program.length % 8).toBe(0)
  })

  test('does not grow beyond what its jumps span', () => {
    const many = Array.from({ length: 5000 }, (_, minor) => allow(`b 8:${minor} r`))
    expect(() => deviceProgram(devicePolicy([denyAll, ...many]))).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', field: '/linux/resources/devices' }))
    const fits = many.slice(0, 3000)
    expect(programAllows([denyAll, ...fits], request('b 8:0 r'))).toBe(true)
    expect(programAllows([denyAll, ...fits], request('b 8:3000 r'))).toBe(false)
  })
})
