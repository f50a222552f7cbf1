/** Filters as libseccomp compiles them, through the helper program of the same name. */
import { execFileSync } from 'node:child_process'
import { actionValue } from '../../lib/seccomp/actions.ts'
import { architectureName } from '../../lib/seccomp/architectures.ts'
import type { ArchitectureName } from '../../lib/seccomp/architectures.ts'
import type { Seccomp, SeccompArgument } from '../../lib/spec/schema.ts'

/** SCMP_ARCH_* as libseccomp has them. */
export const tokens: Readonly<Record<ArchitectureName, number>> = {
  X86: 0x40000003, X86_64: 0xc000003e, X32: 0x4000003e, ARM: 0x40000028, AARCH64: 0xc00000b7,
  LOONGARCH64: 0xc0000102, M68K: 0x00000004, MIPS: 0x00000008, MIPS64: 0x80000008, MIPS64N32: 0xa0000008,
  MIPSEL: 0x40000008, MIPSEL64: 0xc0000008, MIPSEL64N32: 0xe0000008, PPC: 0x00000014, PPC64: 0x80000015,
  PPC64LE: 0xc0000015, S390: 0x00000016, S390X: 0x80000016, SH: 0x4000002a, SHEB: 0x0000002a,
  PARISC: 0x0000000f, PARISC64: 0x8000000f, RISCV64: 0xc00000f3,
}

const operators: Readonly<Record<SeccompArgument['op'], number>> = {
  SCMP_CMP_NE: 1, SCMP_CMP_LT: 2, SCMP_CMP_LE: 3, SCMP_CMP_EQ: 4, SCMP_CMP_GE: 5, SCMP_CMP_GT: 6, SCMP_CMP_MASKED_EQ: 7,
}

/** What libseccomp says of a profile. `errno` is that of the first rule that it refused, or 0. */
export interface Compiled {
  readonly errno: number
  readonly program: Buffer
}

/** The calls that runc makes for a profile, as words for the helper program. */
function words(profile: Seccomp, optimize: number): string {
  const byDefault = actionValue(profile.defaultAction, profile.defaultErrnoRet)
  const lines = (profile.syscalls ?? []).flatMap(({ names, action, errnoRet, args = [] }) => {
    const value = actionValue(action, errnoRet)
    if (value === byDefault) return []
    const repeated = new Set(args.map(({ index }) => index)).size < args.length
    return names.flatMap((name) => (repeated ? args.map((one) => [one]) : [args]).map((list) =>
      ['rule', value, name, list.length, ...list.flatMap(({ index, op, value: a, valueTwo = 0 }) => [index, operators[op], a, valueTwo])].join(' ')))
  })
  const list = (profile.architectures ?? []).map((name) => tokens[architectureName(name)])
  return ['filter', optimize, byDefault, ...list, ';', ...lines, 'end', ''].join('\n')
}

/** Compile profiles. Their architectures are exactly the ones that they name. */
export function compileWithLibseccomp(helper: string, profiles: readonly Seccomp[], optimize: number): Compiled[] {
  const input = profiles.map((profile) => words(profile, optimize)).join('')
  const output = execFileSync(helper, ['compile'], { input, maxBuffer: 1 << 30 })
  let at = 0
  return profiles.map(() => {
    const [errno, size] = [output.readUInt32LE(at), output.readUInt32LE(at + 4)]
    const program = output.subarray(at + 8, at + 8 + size)
    at += 8 + size
    return { errno, program }
  })
}

/** libseccomp's own numbers of these names; what an architecture does not have is negative. */
export function numbersOfLibseccomp(helper: string, architecture: ArchitectureName, names: readonly string[]): Map<string, number> {
  const input = names.map((name) => `${tokens[architecture]} ${name}\n`).join('')
  const lines = execFileSync(helper, ['table'], { input, encoding: 'utf8' }).trim().split('\n')
  return new Map(lines.map((line) => line.split(' ')).map(([, number, name]) => [name!, Number(number)]))
}
