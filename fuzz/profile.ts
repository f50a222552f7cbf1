/** Changing a seccomp profile so that it stays one: rules, conditions, architectures and actions come, go and change. */
import { type ArchitectureName, architectures } from '../lib/seccomp/architectures.ts'
import { names } from '../lib/seccomp/numbers.ts'
import type { Seccomp, SeccompArgument, SeccompSyscall } from '../lib/spec/schema.ts'
import type { Random } from '../test/unit/plan/random.ts'

export interface Draft {
  defaultAction: Seccomp['defaultAction']
  defaultErrnoRet?: number | undefined
  architectures?: NonNullable<Seccomp['architectures']>
  syscalls: SeccompSyscall[]
}

const operators: readonly SeccompArgument['op'][] = [
  'SCMP_CMP_NE', 'SCMP_CMP_LT', 'SCMP_CMP_LE', 'SCMP_CMP_EQ', 'SCMP_CMP_GE', 'SCMP_CMP_GT', 'SCMP_CMP_MASKED_EQ',
]
const defaults = [
  'SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL', 'SCMP_ACT_TRAP', 'SCMP_ACT_TRACE', 'SCMP_ACT_LOG',
] as const
const actions = [...defaults, 'SCMP_ACT_NOTIFY'] as const
const corners = [
  0n, 1n, 2n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 0x500000005n, 0x7fffffffffffffffn, 0x8000000000000000n,
  0xffffffff00000000n, 0xffffffffffffffffn,
]
/** Calls that are behind another one, or whose numbers are the first or last of an architecture. */
const peculiar = [
  'socket', 'connect', 'recvmsg', 'semop', 'shmat', 'msgget', 'socketcall', 'ipc', 'read', 'restart_syscall', 'setup', 'syscall', 'clone',
  'mseal', 'arm_fadvise64_64',
]

/** What is in the profile already, so that what comes in meets it. */
interface Known {
  readonly names: readonly string[]
  readonly values: readonly bigint[]
}

const knownOf = ({ syscalls }: Draft): Known => ({
  names: ['read', ...syscalls.flatMap((one) => one.names)],
  values: [0n, ...syscalls.flatMap(({ args = [] }) => args.flatMap(({ value, valueTwo = 0 }) => [BigInt(value), BigInt(valueTwo)]))],
})

function value(from: Random, { values }: Known): bigint {
  const one = from.pick(from.below(3) > 0 ? values : corners)
  return BigInt.asUintN(64, from.pick([one, one + 1n, one - 1n, one << 32n, one >> 32n, one ^ (1n << BigInt(from.below(64)))]))
}

const condition = (from: Random, known: Known): SeccompArgument =>
  ({ index: from.below(6), op: from.pick(operators), value: value(from, known), valueTwo: value(from, known) })

const errnoOf = (action: SeccompSyscall['action'], from: Random): { errnoRet?: number } =>
  (action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE' ? { errnoRet: from.pick([1, 38, from.below(4096)]) } : {})

const someNames = (from: Random, known: Known): string[] =>
  Array.from({ length: from.below(20) === 0 ? 300 : 1 + from.below(3) }, () => from.pick(from.pick([names, peculiar, known.names])))

function rule(from: Random, known: Known): SeccompSyscall {
  const action = from.pick(actions)
  const args = from.below(3) === 0 ? {} : { args: Array.from({ length: from.below(5) }, () => condition(from, known)) }
  return { names: someNames(from, known), action, ...errnoOf(action, from), ...args }
}

const architectureNames = Object.keys(architectures) as ArchitectureName[]

/** One change of the whole. */
const ofProfile: readonly ((profile: Draft, other: Draft, from: Random) => void)[] = [
  (profile, _, from) => void profile.syscalls.splice(from.below(profile.syscalls.length + 1), 0, rule(from, knownOf(profile))),
  ({ syscalls }, other, from) => void syscalls.push(...structuredClone(other.syscalls.slice(from.below(other.syscalls.length + 1)))),
  (profile, _, from) => {
    profile.architectures = Array.from({ length: from.below(5) }, () => `SCMP_ARCH_${from.pick(architectureNames)}` as const)
  },
  (profile, _, from) => {
    profile.defaultAction = from.pick(defaults)
    profile.defaultErrnoRet = errnoOf(profile.defaultAction, from).errnoRet
  },
]

/** One change of a rule: what comes in its place. */
const ofRule: readonly ((one: SeccompSyscall, known: Known, from: Random) => SeccompSyscall[])[] = [
  () => [],
  (one, known, from) => [one, { ...rule(from, known), names: one.names }],
  (one, known, from) => [{ ...one, names: someNames(from, known) }],
  (one, known, from) => [{ ...one, args: [...one.args ?? [], condition(from, known)] }],
  (one, known, from) => [{
    ...one,
    args: (one.args ?? []).map((arg) => from.pick([
      arg, { ...arg, op: from.pick(operators) }, { ...arg, value: value(from, known) }, { ...arg, valueTwo: value(from, known) },
      { ...arg, index: from.below(6) },
    ])),
  }],
]

/** A few changes to PROFILE, which stays as it is; rules of OTHER may come in. */
export function changeProfile(profile: Draft, other: Draft, from: Random): Draft {
  const changed = structuredClone(profile)
  for (let left = 1 + from.below(4); left > 0; left--) {
    const { syscalls } = changed
    if (syscalls.length === 0 || from.below(3) === 0) from.pick(ofProfile)(changed, other, from)
    else {
      const at = from.below(syscalls.length)
      syscalls.splice(at, 1, ...from.pick(ofRule)(syscalls[at]!, knownOf(changed), from))
    }
  }
  return changed
}
