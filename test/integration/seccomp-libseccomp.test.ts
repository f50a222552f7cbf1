/**
 * Our programs beside libseccomp's: the same verdicts for all numbers of an architecture, and for the corners of the
 * arguments where a rule looks at them. Both are also held against a plain reading of the profile: where libseccomp
 * overlooks a rule (docs/seccomp.md), ours must be right.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { actionValue } from '../../lib/seccomp/actions.ts'
import { type ArchitectureName, architectureName, architectures } from '../../lib/seccomp/architectures.ts'
import { compileProgram } from '../../lib/seccomp/compile.ts'
import { names } from '../../lib/seccomp/numbers.ts'
import { systemCalls } from '../../lib/seccomp/tables.ts'
import type { Seccomp, SeccompArgument, SeccompSyscall } from '../../lib/spec/schema.ts'
import { Filter } from '../helpers/filter.ts'
import { compileWithLibseccomp, numbersOfLibseccomp } from '../helpers/libseccomp.ts'
import { bench, describeWith, reasonsAgainst } from '../helpers/needs.ts'
import { holding, rulesFor } from '../helpers/profile.ts'

const everySet: readonly ArchitectureName[][] = [
  ['X86_64', 'X86', 'X32'], ['X86_64'], ['ARM', 'AARCH64'], ['S390', 'S390X'], ['MIPS', 'MIPS64', 'MIPS64N32'],
  ['MIPSEL', 'MIPSEL64', 'MIPSEL64N32'], ['PPC', 'PPC64'], ['PPC64LE'], ['PARISC', 'PARISC64'], ['RISCV64'],
  ['SH'], ['SHEB'], ['M68K'], ['LOONGARCH64'],
]
const corners = [
  0n, 1n, 2n, 5n, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 0x100000001n, 0x500000005n, 0x7fffffffffffffffn,
  0xffffffff00000000n, 0xffffffffffffffffn,
]
const operators: readonly SeccompArgument['op'][] = [
  'SCMP_CMP_NE', 'SCMP_CMP_LT', 'SCMP_CMP_LE', 'SCMP_CMP_EQ', 'SCMP_CMP_GE', 'SCMP_CMP_GT', 'SCMP_CMP_MASKED_EQ',
]
const actions = ['SCMP_ACT_ALLOW', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE', 'SCMP_ACT_TRAP'] as const

/** Numbers that look random and are the same each time. Source: Numerical Recipes. */
class Random {
  #state: number
  constructor(seed: number) { this.#state = seed }
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * limit)
  }
  of<T>(list: readonly T[]): T { return list[this.below(list.length)]! }
  some<T>(list: readonly T[], count: number): T[] {
    const left = [...list]
    return Array.from({ length: Math.min(count, left.length) }, () => left.splice(this.below(left.length), 1)[0]!)
  }
}

const swapped = (value: number): number => Buffer.from(Uint32Array.of(value).buffer).swap32().readUInt32LE()

interface Tally {
  compared: number
  /** Where libseccomp's verdict is not that of the profile. */
  overlooked: number
}

describeWith(['libseccomp'], 'compared with libseccomp', () => {
  const helper = (): string => bench().libseccomp
  /**
   * Names that this libseccomp has. Not those that share a number of what the host's architecture does not have: it takes one for
   * another (switch_endian and sys_debug_setcontext of PowerPC in 2.6.1).
   */
  const known = (architecture: ArchitectureName): string[] => {
    const theirs = numbersOfLibseccomp(helper(), architecture, names)
    const counts = new Map<number, number>()
    for (const number of theirs.values()) counts.set(number, (counts.get(number) ?? 0) + 1)
    return names.filter((name) => theirs.get(name)! !== -1 && counts.get(theirs.get(name)!) === 1)
  }

  /** 2.5 has neither SH nor M68K nor LoongArch, which came with 2.6.0. */
  const knows = (name: ArchitectureName): boolean =>
    reasonsAgainst(['libseccomp']).length === 0 && numbersOfLibseccomp(helper(), name, ['read']).get('read') !== -1
  const sets = everySet.filter((set) => set.every(knows))

  for (const name of Object.keys(architectures) as ArchitectureName[]) {
    const skipped = knows(name) ? '' : ' (skipped: this libseccomp does not have it)'
    test.skipIf(skipped !== '')(`${name}: the same numbers, for the names that it knows${skipped}`, () => {
      const theirs = numbersOfLibseccomp(helper(), name, names)
      const differ = names.filter((one) => theirs.get(one)! >= 0 && theirs.get(one) !== systemCalls(name).get(one))
      expect(differ).toEqual([])
    })
  }

  /** The installed libseccomp may know a name, and not yet its number on one of the architectures. */
  const tables = new Map<ArchitectureName, ReadonlyMap<string, number>>()
  const isNewer = (architecture: ArchitectureName, call: string): boolean => {
    const table = tables.get(architecture) ?? numbersOfLibseccomp(helper(), architecture, names)
    tables.set(architecture, table)
    return (table.get(call) ?? 0) < -299 || table.get(call) === -1
  }

  /** The verdicts of both on everything that PROFILE could tell apart. */
  function compare(profile: Seccomp, theirs: Buffer, random: Random, tally: Tally): void {
    const set = profile.architectures!.map(architectureName)
    const bigEndian = 'bigEndian' in architectures[set[0]!]
    const [libseccomp, own] = [new Filter(theirs, bigEndian), new Filter(compileProgram(profile, set[0]!), bigEndian)]
    const otherwise = actionValue(profile.defaultAction, profile.defaultErrnoRet)
    for (const name of set) {
      const { audit, bits } = architectures[name]
      const called = new Map([...systemCalls(name)].map(([call, number]) => [number, call]))
      const base = name === 'X32' ? 0x40000000 : 0
      for (const number of [...Array.from({ length: 1100 }, (_, at) => base + at), ...called.keys(), 0x3fffffff, 0x7fffffff, 0xffffffff]) {
        const call = called.get(number) ?? ''
        if (isNewer(name, call)) continue
        const rules = rulesFor(profile, call)
        const shared = call === 'socketcall' || call === 'ipc'
        for (let round = shared || rules.some(({ args }) => args?.length) ? 40 : 1; round > 0; round--) {
          const args = Array.from({ length: 6 }, () => BigInt.asUintN(64, random.of(corners) + BigInt(random.below(3) - 1)))
          if (shared) args[0] = BigInt(random.below(25))
          const [a, b] = [libseccomp.verdict({ audit, number, args }), own.verdict({ audit, number, args })]
          tally.compared++
          // libseccomp forgets the byte order of actions in a program that is for another machine.
          if (a === b || (bigEndian && swapped(a) === b)) continue
          const right = holding(rules, args, bits).map(({ action, errnoRet }) => actionValue(action, errnoRet))
          expect({ name, call, number, args, rules, a, right: right.length === 0 ? b === otherwise : right.includes(b) })
            .toEqual({ name, call, number, args, rules, a, right: true })
          tally.overlooked++
        }
      }
    }
  }

  /** Profiles whose rules for one name are made by RULES. */
  function run(seed: number, count: number, rules: (random: Random, base: SeccompSyscall) => SeccompSyscall[]): Tally {
    const random = new Random(seed)
    const tally: Tally = { compared: 0, overlooked: 0 }
    const calls = known('X86_64')
    const profiles = Array.from({ length: count }, (): Seccomp => ({
      defaultAction: 'SCMP_ACT_LOG',
      architectures: random.of(sets).map((name) => `SCMP_ARCH_${name}` as const),
      syscalls: random.some(calls, 1 + random.below(30)).flatMap((name) => {
        const action = random.of(actions)
        const errnoRet = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE' ? 1 + random.below(4000) : undefined
        return rules(random, { names: [name], action, errnoRet })
      }),
    }))
    for (const [at, { errno, program }] of compileWithLibseccomp(helper(), profiles, 1).entries()) {
      if (errno === 0) compare(profiles[at]!, program, random, tally)
    }
    return tally
  }

  const condition = (random: Random, index: number, op = random.of(operators)): SeccompArgument =>
    ({ index, op, value: random.of(corners), valueTwo: random.of(corners) })
  const indexes = [0, 1, 2, 3, 4, 5]

  describe('random profiles', () => {
    test('rules without conditions', () => {
      expect(run(1, 100, (_, base) => [base]).overlooked).toBe(0)
    })

    test('one condition, in all operators', () => {
      const { compared, overlooked } = run(2, 60, (random, base) => [{ ...base, args: [condition(random, random.below(6))] }])
      expect(overlooked / compared).toBeLessThan(0.01)
    })

    test('one rule with several conditions', () => {
      const { compared, overlooked } = run(3, 60, (random, base) =>
        [{ ...base, args: random.some(indexes, 1 + random.below(4)).map((index) => condition(random, index)) }])
      expect(overlooked / compared).toBeLessThan(0.01)
    })

    test('several equalities of one argument', () => {
      const { compared, overlooked } = run(4, 60, (random, base) => {
        const index = random.below(6)
        return Array.from({ length: 1 + random.below(5) }, () => ({ ...base, args: [condition(random, index, 'SCMP_CMP_EQ')] }))
      })
      expect(overlooked / compared).toBeLessThan(0.01)
    })

    test('one rule with several conditions on one argument, of which one has to hold: ours is what the profile says', () => {
      const { compared } = run(6, 60, (random, base) => {
        const index = random.below(6)
        return [{ ...base, args: Array.from({ length: 2 + random.below(3) }, () => condition(random, index)) }]
      })
      expect(compared).toBeGreaterThan(50_000)
    })

    test('several rules of any kind on one argument: ours is what the profile says', () => {
      const { compared } = run(5, 60, (random, base) => {
        const index = random.below(6)
        return Array.from({ length: 1 + random.below(4) }, () => ({ ...base, args: [condition(random, index)] }))
      })
      expect(compared).toBeGreaterThan(50_000)
    })
  })

  test.each([1, 2])('Docker\'s profile without the ENOSYS of unknown calls, libseccomp at level %d', (optimize) => {
    const text = readFileSync(new URL('../fixtures/seccomp-default.json', import.meta.url), 'utf8')
    const docker = JSON.parse(text) as Seccomp
    const calls = new Set(known('X86_64'))
    const profile: Seccomp = {
      ...docker, defaultAction: 'SCMP_ACT_LOG', defaultErrnoRet: undefined,
      syscalls: docker.syscalls!.flatMap((rule) => rule.names.filter((name) => calls.has(name)).map((name) => ({ ...rule, names: [name] }))),
    }
    const tally: Tally = { compared: 0, overlooked: 0 }
    const [compiled] = compileWithLibseccomp(helper(), [profile], optimize)
    compare(profile, compiled!.program, new Random(6), tally)
    expect(tally).toMatchObject({ overlooked: 0 })
    expect(tally.compared).toBeGreaterThan(4000)
  })
})
