/**
 * A plain reading of a seccomp profile, as docs/seccomp.md has it: for one system call, which values a filter may return.
 * It takes nothing from the compiler but the numbers of the calls.
 */
import { actionValue, KILL_THREAD } from '../../lib/seccomp/actions.ts'
import { type ArchitectureName, architectureName, architectures } from '../../lib/seccomp/architectures.ts'
import { behind } from '../../lib/seccomp/numbers.ts'
import { systemCalls } from '../../lib/seccomp/tables.ts'
import type { Seccomp, SeccompArgument, SeccompSyscall } from '../../lib/spec/schema.ts'
import type { SystemCall } from './filter.ts'

/** Bit of the numbers of x32. */
const X32 = 0x40000000
const SKIPPED = 0xffffffff
const ENOSYS = 0x00050000 + 38

/** Where numbers.ts has the calls behind these two. */
const multiplexed: Readonly<Record<string, number>> = { socketcall: 100, ipc: 200 }

/** The rules for a call, each with one name; those of what is behind socketcall and ipc where it is one of these. */
export function rulesFor({ syscalls = [] }: Seccomp, call: string): SeccompSyscall[] {
  const first = multiplexed[call]
  return syscalls.flatMap((rule) => rule.names.flatMap((name): SeccompSyscall[] => {
    if (name === call) return alternatives({ ...rule, names: [name] })
    const place = Object.hasOwn(behind, name) ? behind[name]! : 0
    if (first === undefined || place <= first || place >= first + 100) return []
    const which = { index: 0, op: 'SCMP_CMP_EQ', value: place - first } as const
    const others = (args: readonly SeccompArgument[] = []): SeccompArgument[] => args.filter(({ index }) => index !== 0)
    return alternatives({ ...rule, names: [name] }).map((each) => ({ ...each, args: [which, ...others(each.args)] }))
  }))
}

/** Two conditions of one rule on the same argument: one of them is enough. */
function alternatives(rule: SeccompSyscall): SeccompSyscall[] {
  const { args = [] } = rule
  const repeated = new Set(args.map(({ index }) => index)).size < args.length
  return repeated ? args.map((one) => ({ ...rule, args: [one] })) : [rule]
}

/** Whether a condition holds for an argument of so many bits. */
export function holds({ op, value, valueTwo = 0 }: SeccompArgument, given: bigint, bits: 32 | 64): boolean {
  const [argument, a, b] = [given, BigInt(value), BigInt(valueTwo)].map((one) => BigInt.asUintN(bits, one)) as [bigint, bigint, bigint]
  switch (op) {
    case 'SCMP_CMP_NE': return argument !== a
    case 'SCMP_CMP_LT': return argument < a
    case 'SCMP_CMP_LE': return argument <= a
    case 'SCMP_CMP_EQ': return argument === a
    case 'SCMP_CMP_GE': return argument >= a
    case 'SCMP_CMP_GT': return argument > a
    case 'SCMP_CMP_MASKED_EQ': return (argument & a) === (b & a)
  }
}

/** All rules that hold. */
export const holding = (rules: readonly SeccompSyscall[], args: readonly bigint[], bits: 32 | 64): SeccompSyscall[] =>
  rules.filter(({ args: conditions = [] }) => conditions.every((one) => holds(one, args[one.index]!, bits)))

const asksNothing = ({ args = [] }: SeccompSyscall, bits: 32 | 64): boolean =>
  args.every(({ op, value }) => op === 'SCMP_CMP_MASKED_EQ' && BigInt.asUintN(bits, BigInt(value)) === 0n)

/** What is asked of one number of an architecture. */
interface Asked {
  readonly rules: readonly SeccompSyscall[]
  readonly bits: 32 | 64
  /** The filter's answer to what no rule holds for. */
  readonly otherwise: number
}

const byNumber = new Map<ArchitectureName, ReadonlyMap<number, readonly string[]>>()

/** The names of a number: some have two. */
function namesOf(architecture: ArchitectureName, number: number): readonly string[] {
  let table = byNumber.get(architecture)
  if (table === undefined) {
    const names = new Map<number, string[]>()
    for (const [name, one] of systemCalls(architecture)) names.set(one, [...names.get(one) ?? [], name])
    byNumber.set(architecture, table = names)
  }
  return table.get(number) ?? []
}

export class Reading {
  readonly architectures: readonly ArchitectureName[]
  readonly #profile: Seccomp
  readonly #otherwise: number
  readonly #named: ReadonlySet<string>
  readonly #asked = new Map<string, Asked>()
  readonly #highest = new Map<ArchitectureName, number>()

  constructor(profile: Seccomp, native: ArchitectureName) {
    this.#otherwise = actionValue(profile.defaultAction, profile.defaultErrnoRet)
    this.architectures = [...new Set([native, ...(profile.architectures ?? []).map(architectureName)])]
    const rules = (profile.syscalls ?? []).filter(({ action, errnoRet }) => actionValue(action, errnoRet) !== this.#otherwise)
    this.#profile = { ...profile, syscalls: rules }
    this.#named = new Set([...Object.keys(multiplexed), ...rules.flatMap(({ names }) => names)])
    if (!refusesUnknown(profile)) return
    const called = new Set([...Object.keys(multiplexed), ...(profile.syscalls ?? []).flatMap(({ names }) => names)])
    for (const one of this.architectures) {
      const known = [...systemCalls(one)].filter(([name]) => called.has(name) && rulesFor(profile, name).length > 0)
      if (known.length > 0) this.#highest.set(one, Math.max(...known.map(([, number]) => number)))
    }
  }

  /** The architecture that a call belongs to, if the filter has it. */
  #architectureOf({ audit, number }: SystemCall): ArchitectureName | undefined {
    return this.architectures.find((one) => architectures[one].audit === audit
      && (audit !== architectures.X86_64.audit || (one === 'X32') === (number >= X32)))
  }

  /** What is asked of a call, for tests that look for arguments. */
  asked(call: SystemCall): Asked | undefined {
    const name = this.#architectureOf(call)
    if (name === undefined) return undefined
    const key = `${name} ${call.number}`
    let asked = this.#asked.get(key)
    if (asked === undefined) {
      const highest = this.#highest.get(name)
      const rules = namesOf(name, call.number).filter((one) => this.#named.has(one)).flatMap((one) => rulesFor(this.#profile, one))
      const unknown = highest !== undefined
        && (call.number > highest || (call.number === 0 && rules.length === 0 && (name === 'S390' || name === 'S390X')))
      asked = { rules, bits: architectures[name].bits, otherwise: unknown ? ENOSYS : this.#otherwise }
      this.#asked.set(key, asked)
    }
    return asked
  }

  /** What the filter may return: one value, or one of several where rules with different actions hold. */
  verdicts(call: SystemCall): readonly number[] {
    const known = this.architectures.some((one) => architectures[one].audit === call.audit)
    if (known && call.number === SKIPPED) return [this.#otherwise]
    const asked = this.asked(call)
    if (asked === undefined) return [KILL_THREAD]
    const always = asked.rules.find((one) => asksNothing(one, asked.bits))
    const right = always === undefined ? holding(asked.rules, call.args ?? [], asked.bits) : [always]
    return right.length === 0 ? [asked.otherwise] : right.map(({ action, errnoRet }) => actionValue(action, errnoRet))
  }
}

/** What the profile's author did not know is ENOSYS, unless the default lets it through or is that already. */
const refusesUnknown = ({ defaultAction, defaultErrnoRet }: Seccomp): boolean =>
  !['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'].includes(defaultAction)
  && !(defaultAction === 'SCMP_ACT_ERRNO' && defaultErrnoRet === 38)
