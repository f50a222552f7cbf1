/**
 * The device rules of config.json, made explicit, and their form for cgroup v1. The form for v2 is in
 * `device-program.ts`. Source: runtime-spec config-linux.md "Allowed Device list", admin-guide/cgroup-v1/devices.
 */
import type { DeviceRule } from '../spec/schema.ts'
import { invalid, type Limit } from './limit.ts'

/** BPF_DEVCG_ACC_* of linux/bpf.h, which v1 writes as letters. */
export const ACCESS = { m: 1, r: 2, w: 4 } as const

const everyAccess = ACCESS.m | ACCESS.r | ACCESS.w

/** Any major or minor number. */
export const ANY = -1

/** A rule about one type of device. For a request that several rules cover, the last of them decides. */
export interface DeviceAccess {
  readonly allow: boolean
  readonly type: 'b' | 'c'
  /** 0 to 2^32-1, or {@link ANY}. */
  readonly major: number
  readonly minor: number
  /** Sum of {@link ACCESS}. */
  readonly access: number
  /** JSON pointer of the rule, `""` for one of the defaults. */
  readonly field: string
}

/** What holds for devices that no rule names, and the rules. */
export interface DevicePolicy {
  readonly allow: boolean
  /** JSON pointer of the rule that set `allow`, `""` for the default. */
  readonly field: string
  readonly rules: readonly DeviceAccess[]
}

/** What every container gets after its own rules, whatever these say; runc's list, which clients rely on. */
const defaults: readonly (readonly [type: 'b' | 'c', major: number, minor: number, access: string, path?: string])[] = [
  ['c', ANY, ANY, 'm'],
  ['b', ANY, ANY, 'm'],
  ['c', 1, 3, 'rwm', '/dev/null'],
  ['c', 1, 8, 'rwm', '/dev/random'],
  ['c', 1, 7, 'rwm', '/dev/full'],
  ['c', 5, 0, 'rwm', '/dev/tty'],
  ['c', 1, 5, 'rwm', '/dev/zero'],
  ['c', 1, 9, 'rwm', '/dev/urandom'],
  ['c', 136, ANY, 'rwm'],
  ['c', 5, 2, 'rwm'],
]

/**
 * The rules of config.json followed by the defaults. A device of `linux.devices` (DEVICEPATHS) at the path of a default
 * one takes its place, so the default rule is left out. Nothing is allowed at first.
 *
 * @throws NruncError ERR_CONFIG_INVALID for a type other than a, b, c, no or unknown access, a number out of range
 */
export function devicePolicy(rules: readonly DeviceRule[], devicePaths: readonly string[] = []): DevicePolicy {
  let policy: { allow: boolean, field: string, rules: DeviceAccess[] } = { allow: false, field: '', rules: [] }
  rules.forEach((rule, index) => {
    const field = `/linux/resources/devices/${index}`
    const type = rule.type || 'a'
    if (type !== 'a' && type !== 'b' && type !== 'c') {
      throw invalid(`${field}/type`, `invalid cgroup device type ${JSON.stringify(type)}`)
    }
    const access = parseAccess(rule.access ?? '', index)
    const [major, minor] = [deviceNumber(rule.major, `${field}/major`), deviceNumber(rule.minor, `${field}/minor`)]
    if (type === 'a' && major === ANY && minor === ANY && access === everyAccess) {
      policy = { allow: rule.allow, field, rules: [] }
      return
    }
    const types: readonly ('b' | 'c')[] = type === 'a' ? ['b', 'c'] : [type]
    for (const one of types) {
      policy.rules.push({ allow: rule.allow, type: one, major, minor, access, field })
    }
  })
  for (const [type, major, minor, access, path] of defaults) {
    if (path !== undefined && devicePaths.includes(path)) continue
    policy.rules.push({ allow: true, type, major, minor, access: parseAccess(access, -1), field: '' })
  }
  return policy
}

function parseAccess(letters: string, index: number): number {
  const field = `/linux/resources/devices/${index}/access`
  if (letters === '') throw invalid(field, `device access at ${index} field cannot be empty`)
  let access = 0
  for (const letter of letters) {
    if (letter !== 'r' && letter !== 'w' && letter !== 'm') {
      throw invalid(field, `unknown device access ${JSON.stringify(letter)}`)
    }
    access |= ACCESS[letter]
  }
  return access
}

function deviceNumber(value: number | bigint | undefined, field: string): number {
  if (value === undefined || value < 0) return ANY
  if (value > 0xffffffff) throw invalid(field, `invalid ${field.slice(field.lastIndexOf('/') + 1)} ${value}`)
  return Number(value)
}

/** Whether nothing needs to be enforced. */
export const allowsEverything = (policy: DevicePolicy): boolean =>
  policy.allow && policy.rules.every(({ allow }) => allow)

/**
 * The writes to `devices.deny` and `devices.allow`. The kernel keeps one default and a list of exceptions to it.
 *
 * @throws NruncError ERR_CONFIG_INVALID for a rule that takes only a part of an exception back: the kernel would
 * ignore it, and the device would stay allowed
 */
export function deviceLimits(policy: DevicePolicy): Limit[] {
  const [initial, exception] = policy.allow ? ['devices.allow', 'devices.deny'] : ['devices.deny', 'devices.allow']
  return [
    { file: initial, value: 'a *:* rwm', field: policy.field, optional: false },
    ...exceptions(policy).map(one => ({ file: exception, value: describe(one), field: one.field, optional: false })),
  ]
}

function exceptions(policy: DevicePolicy): DeviceAccess[] {
  let list: DeviceAccess[] = []
  for (const rule of policy.rules) {
    if (rule.allow === policy.allow) {
      list = list.flatMap(one => takeBack(one, rule))
      continue
    }
    const same = list.find(one => one.type === rule.type && one.major === rule.major && one.minor === rule.minor)
    if (same === undefined) list.push(rule)
    else list[list.indexOf(same)] = { ...same, access: same.access | rule.access }
  }
  return list
}

function takeBack(exception: DeviceAccess, rule: DeviceAccess): DeviceAccess[] {
  const apart = (one: number, other: number): boolean => one !== ANY && other !== ANY && one !== other
  if (exception.type !== rule.type || (exception.access & rule.access) === 0) return [exception]
  if (apart(exception.major, rule.major) || apart(exception.minor, rule.minor)) return [exception]
  const covers = (one: number, other: number): boolean => one === ANY || one === other
  const covered = covers(rule.major, exception.major) && covers(rule.minor, exception.minor)
  if (!covered) {
    throw invalid(rule.field || exception.field, `requested rule [${describe(rule)}] not supported by devices cgroupv1 `
      + `(cannot punch hole in existing wildcard rule [${describe(exception)}])`)
  }
  const access = exception.access & ~rule.access
  return access === 0 ? [] : [{ ...exception, access }]
}

function describe({ type, major, minor, access }: DeviceAccess): string {
  const letters = (['r', 'w', 'm'] as const).filter(letter => (access & ACCESS[letter]) !== 0).join('')
  return `${type} ${major === ANY ? '*' : major}:${minor === ANY ? '*' : minor} ${letters}`
}
