/**
 * linux.seccomp -> the program, which is then asked about system calls: it must say what a plain reading of the profile
 * (test/helpers/profile.ts) says. The calls: all of each architecture, and those that the profile names with the arguments at which
 * the answers change.
 */
import { type ArchitectureName, architectureName, architectures } from '../lib/seccomp/architectures.ts'
import { compileProgram } from '../lib/seccomp/compile.ts'
import { systemCalls } from '../lib/seccomp/tables.ts'
import { parseJson } from '../lib/spec/parse.ts'
import type { Seccomp, SeccompArgument, SeccompSyscall, Spec } from '../lib/spec/schema.ts'
import { validateSpec } from '../lib/spec/validate.ts'
import { Filter, type SystemCall } from '../test/helpers/filter.ts'
import { Reading } from '../test/helpers/profile.ts'
import { type Random, random } from '../test/unit/plan/random.ts'
import { type Json, mutate } from './mutate.ts'
import { changeProfile, type Draft } from './profile.ts'
import { ends, hashOf, type Target } from './target.ts'

const ANY = 0xffffffffffffffffn

/** The section as it is after all checks. @throws NruncError ERR_CONFIG_INVALID */
const profileOf = (given: unknown): Seccomp =>
  validateSpec({ ociVersion: '1.2.0', root: { path: '/r' }, linux: { seccomp: given } } as Spec).linux!.seccomp!

const isProfile = (document: Json): document is Draft =>
  Array.isArray((document as Draft | null)?.syscalls) && ends(() => profileOf(document), 'good') === 'good'

/** One in ten may be no profile any more. */
const change = (document: Json, other: Json, from: Random): Json =>
  (from.below(10) > 0 && isProfile(document) && isProfile(other) ? changeProfile(document, other, from) : mutate(document, other, from))

/** Limits of words and halves of words. */
const limits = [0n, 1n, 0x7fffffffn, 0xffffffffn, 0x100000000n, 0x7fffffffffffffffn, 0xffffffff00000000n, ANY]

/** A value at which a condition holds, or just does not. */
function edge({ op, value, valueTwo = 0 }: SeccompArgument, from: Random): bigint {
  const [a, b] = [BigInt(value), BigInt(valueTwo)]
  if (op !== 'SCMP_CMP_MASKED_EQ') return from.pick([a, a + 1n, a - 1n, a ^ (1n << BigInt(from.below(64)))])
  return from.pick([b & a, (b & a) | (~a & ANY), (b & a) ^ (a & -a), b, ((b & a) | (~a & ANY)) ^ (1n << BigInt(from.below(64)))])
}

/** Arguments for a number: rules of it met in all conditions, nearly met, and not at all. */
function argumentsFor(rules: readonly SeccompSyscall[], from: Random): bigint[] {
  const args = Array.from({ length: 6 }, () => from.pick(limits))
  for (let count = 1 + from.below(2); count > 0; count--) {
    for (const one of from.pick(rules).args ?? []) args[one.index] = BigInt.asUintN(64, edge(one, from))
  }
  return args
}

const ROUNDS = 24

const hex = (value: number | bigint): string => `0x${value.toString(16)}`

function compare(profile: Seccomp, native: ArchitectureName, from: Random): void {
  const reading = new Reading(profile, native)
  const filter = new Filter(compileProgram(profile, native), 'bigEndian' in architectures[native])
  const ask = (call: SystemCall): void => {
    const [said, right] = [filter.verdict(call), reading.verdicts(call)]
    if (right.includes(said)) return
    const where = `${native}: call ${call.number} of ${hex(call.audit)} (${(call.args ?? []).map(hex).join()})`
    throw new Error(`${where}: the filter says ${hex(said)}, the profile ${right.map(hex).join(' or ')}`)
  }
  for (const name of Object.keys(architectures) as ArchitectureName[]) {
    const { audit } = architectures[name]
    const called = [...systemCalls(name).values()].map((call) => call >>> 0)
    const highest = Math.max(...called)
    const unknown = [0, highest + 1, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xbfffffff, 0xc0000000, 0xfffffffe, 0xffffffff]
    for (const number of reading.architectures.includes(name) ? [...called, ...unknown] : [called[0]!, 0xffffffff]) {
      const rules = reading.asked({ audit, number })?.rules ?? []
      ask({ audit, number, args: [0n, 0n, 0n, 0n, 0n, 0n] })
      if (!rules.some(({ args = [] }) => args.length > 0)) continue
      for (let round = 0; round < ROUNDS; round++) ask({ audit, number, args: argumentsFor(rules, from) })
    }
  }
}

const seeds: readonly Seccomp[] = [
  {
    defaultAction: 'SCMP_ACT_ERRNO', architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }],
  },
  { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_S390'], syscalls: [] },
  {
    defaultAction: 'SCMP_ACT_KILL', architectures: ['SCMP_ARCH_MIPS'],
    syscalls: [{ names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }] }],
  },
]

export const seccomp: Target = {
  seeds,
  change,
  sources: 'lib/seccomp/',
  run(text) {
    return ends(() => {
      const profile = profileOf(parseJson(text))
      const native = profile.architectures?.[0]
      compare(profile, native === undefined ? 'X86_64' : architectureName(native), random(hashOf(text)))
    }, 'compared')
  },
}
