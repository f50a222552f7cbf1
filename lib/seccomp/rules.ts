/**
 * A profile -> what is asked of each system call of one architecture.
 */
import { NruncError } from '../errors.ts'
import type { Seccomp, SeccompArgument, SeccompSyscall } from '../spec/schema.ts'
import { pointer } from '../spec/pointer.ts'
import { actionValue } from './actions.ts'
import { architectures, type ArchitectureName } from './architectures.ts'
import { multiplexer, systemCall } from './tables.ts'

/** `value` is the mask for SCMP_CMP_MASKED_EQ, and `other` what the masked argument is compared with. */
export interface Condition {
  readonly index: number
  readonly op: SeccompArgument['op']
  readonly value: bigint
  readonly other: bigint
}

/** All conditions must hold. */
export interface Rule {
  readonly action: number
  readonly conditions: readonly Condition[]
}

/** Numbers (unsigned) -> rules, the first that holds decides. A rule without conditions stands alone. */
export type CallRules = ReadonlyMap<number, readonly Rule[]>

interface NamedRule extends Rule {
  readonly name: string
  readonly field: string
}

/**
 * The rules in the order of the profile, one a name. As in runc: a rule with the default action is no rule, and
 * conditions of which two ask for the same argument are alternatives, each a rule of its own.
 */
export function expandRules(profile: Seccomp): NamedRule[] {
  const byDefault = actionValue(profile.defaultAction, profile.defaultErrnoRet)
  return (profile.syscalls ?? []).flatMap((syscall, index) => {
    const action = actionValue(syscall.action, syscall.errnoRet)
    if (action === byDefault) return []
    const field = pointer('linux', 'seccomp', 'syscalls', index)
    const alternatives = conditionsOf(syscall)
    return syscall.names.flatMap((name) => alternatives.map((conditions) => ({ name, field, action, conditions })))
  })
}

function conditionsOf({ args = [] }: SeccompSyscall): Condition[][] {
  const conditions = args.map(({ index, op, value: given, valueTwo }): Condition => {
    const value = BigInt(given)
    // Bits outside of the mask count on neither side, as in libseccomp.
    return { index, op, value, other: op === 'SCMP_CMP_MASKED_EQ' ? BigInt(valueTwo ?? 0) & value : 0n }
  })
  const repeated = new Set(conditions.map(({ index }) => index)).size < conditions.length
  return repeated ? conditions.map((one) => [one]) : [conditions.sort((a, b) => a.index - b.index)]
}

/**
 * The rules of each system call of an architecture. Names that it does not have are left out.
 *
 * @throws NruncError ERR_CONFIG_INVALID where two rules with the same conditions have different actions
 */
export function rulesOf(rules: readonly NamedRule[], architecture: ArchitectureName): CallRules {
  const narrow = architectures[architecture].bits === 32
  const calls = new Map<number, NamedRule[]>()
  const add = (number: number, rule: NamedRule): void => {
    const conditions = rule.conditions.flatMap((one) => (narrow ? narrowed(one) : widest(one)))
    const list = calls.get(number)
    if (list === undefined) calls.set(number, [{ ...rule, conditions }])
    else list.push({ ...rule, conditions })
  }
  for (const rule of rules) {
    const direct = systemCall(architecture, rule.name)
    if (direct !== undefined) add(direct, rule)
    const shared = multiplexer(architecture, rule.name)
    if (shared !== undefined) add(shared.number, behind(rule, shared.call))
  }
  return new Map([...calls].map(([number, list]) => [number, arrange(list)]))
}

/** socketcall(2) and ipc(2): the call is their first argument, the arguments proper are behind a pointer. */
const behind = (rule: NamedRule, call: number): NamedRule => ({
  ...rule,
  conditions: [
    { index: 0, op: 'SCMP_CMP_EQ', value: BigInt(call), other: 0n }, ...rule.conditions.filter(({ index }) => index !== 0),
  ],
})

const LOW = 0xffffffffn

/** A mask without a bit asks for nothing. */
const widest = (one: Condition): Condition[] => (one.op === 'SCMP_CMP_MASKED_EQ' && one.value === 0n ? [] : [one])

const narrowed = (one: Condition): Condition[] => widest({ ...one, value: one.value & LOW, other: one.other & LOW })

/** A rule without conditions makes the others needless; of several it is the first, as in libseccomp. */
function arrange(list: readonly NamedRule[]): readonly Rule[] {
  const always = list.find(({ conditions }) => conditions.length === 0)
  if (always !== undefined) return [always]
  const seen = new Map<string, number>()
  return list.filter((rule) => {
    const key = rule.conditions.map(({ index, op, value, other }) => `${index} ${op} ${value} ${other}`).join()
    const earlier = seen.get(key)
    if (earlier !== undefined && earlier !== rule.action) throw contradiction(rule)
    seen.set(key, rule.action)
    return earlier === undefined
  }).sort(bySpecificity)
}

function contradiction({ name, field }: NamedRule): NruncError {
  const message = `${field}: error adding seccomp rule for syscall ${name}: a rule with the same conditions has another action`
  return new NruncError('ERR_CONFIG_INVALID', message, { field, operand: name })
}

const kinds: Readonly<Record<SeccompArgument['op'], number>> = {
  SCMP_CMP_EQ: 3, SCMP_CMP_NE: 3, SCMP_CMP_MASKED_EQ: 3, SCMP_CMP_LE: 2, SCMP_CMP_LT: 2, SCMP_CMP_GE: 1, SCMP_CMP_GT: 1,
}

/**
 * Of rules that overlap, libseccomp asks the narrower one first, whatever their order in the profile: an equality
 * before an upper bound before a lower one, and of two bounds the tighter.
 */
function bySpecificity({ conditions: [a] }: Rule, { conditions: [b] }: Rule): number {
  if (a!.index !== b!.index) return b!.index - a!.index
  const kind = kinds[a!.op]
  if (kind !== kinds[b!.op]) return kinds[b!.op] - kind
  const [x, y] = [compared(a!), compared(b!)]
  const tighter = kind === 2 ? x - y : y - x
  return tighter < 0n ? -1 : tighter > 0n ? 1 : 0
}

const compared = ({ op, value, other }: Condition): bigint => (op === 'SCMP_CMP_MASKED_EQ' ? other : value)
