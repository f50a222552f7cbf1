/**
 * linux.seccomp -> the program that the kernel runs before each system call. Source: seccomp(2); runc's libcontainer for
 * what is not in the specification.
 */
import { NruncError } from '../errors.ts'
import type { Seccomp } from '../spec/schema.ts'
import { pointer } from '../spec/pointer.ts'
import { actionValue, ENOSYS, errnoValue, KILL_THREAD } from './actions.ts'
import { type Architecture, type ArchitectureName, architectureName, architectures, X32_BIT } from './architectures.ts'
import { Assembler, type Label } from './assembler.ts'
import { emitRules } from './conditions.ts'
import { type CallRules, expandRules, type Rule, rulesOf } from './rules.ts'
import { emitTree, type Leaf, type Range } from './tree.ts'
import { highestCall } from './tables.ts'

const NUMBER = 0, ARCHITECTURE = 4

/** BPF_MAXINSNS of linux/bpf_common.h. */
export const MAXIMUM_INSTRUCTIONS = 4096

/** A tracer skips a system call by this number: it must not be taken for one of x32. seccomp(2). */
const SKIPPED = 0xffffffff

/** setup(2): calls of s390 whose number is unknown to the kernel arrive under it. */
const S390_UNKNOWN = 0

/**
 * The program, in the byte order of NATIVE, which is always among the architectures. System calls of other
 * architectures end the thread.
 *
 * @throws NruncError ERR_CONFIG_INVALID when two rules contradict each other, when an architecture has another byte
 * order than this machine, or when the program is too long for the kernel
 */
export function compileProgram(profile: Seccomp, native: ArchitectureName): Buffer {
  const names = architecturesOf(profile, native)
  const rules = expandRules(profile)
  const program = new Assembler()
  const otherwise = actionValue(profile.defaultAction, profile.defaultErrnoRet)
  const sections = new Map<number, Label>()
  for (const name of names) {
    const architecture = architectures[name]
    if (sections.has(architecture.audit)) continue
    const sharing = names.filter((one) => architectures[one].audit === architecture.audit)
    const ranges = sharing.flatMap((one) => rangesOf(profile, one, rulesOf(rules, one), otherwise))
    sections.set(architecture.audit, emitSection(program, fill(ranges, architecture.audit), otherwise))
  }
  let start = program.return(KILL_THREAD)
  for (const [audit, section] of [...sections].reverse()) start = program.jump('equal', audit, section, start)
  start = program.load(ARCHITECTURE, start)
  if (program.length <= MAXIMUM_INSTRUCTIONS) return program.finish(start, isBigEndian(native))
  const message = `the seccomp filter is too long: ${program.length} instructions, the kernel takes ${MAXIMUM_INSTRUCTIONS}`
  throw new NruncError('ERR_CONFIG_INVALID', message, { field: '/linux/seccomp', operand: String(program.length) })
}

const isBigEndian = (name: ArchitectureName): boolean => (architectures[name] as Architecture).bigEndian ?? false

function architecturesOf(profile: Seccomp, native: ArchitectureName): ArchitectureName[] {
  const names = new Set([native])
  for (const [index, full] of (profile.architectures ?? []).entries()) {
    const name = architectureName(full)
    if (isBigEndian(name) !== isBigEndian(native)) {
      const field = pointer('linux', 'seccomp', 'architectures', index)
      const message = `${field}: error adding architecture to seccomp filter: ${full} has another byte order than this machine`
      throw new NruncError('ERR_CONFIG_INVALID', message, { field, operand: full })
    }
    names.add(name)
  }
  return [...names]
}

/** What one of the architectures asks of each number, ascending. */
function rangesOf(profile: Seccomp, name: ArchitectureName, calls: CallRules, otherwise: number): Range[] {
  const ranges: Range[] = [{ first: name === 'X32' ? X32_BIT : 0, leaf: otherwise }]
  for (const number of [...calls.keys()].sort((a, b) => a - b)) {
    ranges.push(
      { first: number, leaf: leafOf(calls.get(number)!, architectures[name]) }, { first: number + 1, leaf: otherwise },
    )
  }
  const last = refusesUnknown(profile) ? highestOf(profile, name) : undefined
  if (last === undefined) return ranges
  const unknown = errnoValue(ENOSYS)
  if (name === 'S390' || name === 'S390X') {
    ranges.splice(1, 0, { first: S390_UNKNOWN, leaf: unknown }, { first: S390_UNKNOWN + 1, leaf: otherwise })
  }
  return [...ranges.filter(({ first }) => first <= last), { first: last + 1, leaf: unknown }]
}

const leafOf = (rules: readonly Rule[], architecture: Architecture): Leaf =>
  (rules[0]!.conditions.length === 0 ? rules[0]!.action : { rules, architecture })

/**
 * A call newer than all that the profile names was unknown to its author: programs take ENOSYS for "try the older one"
 * and EPERM for a failure. As runc: unless the default action lets calls through, or is ENOSYS itself.
 */
function refusesUnknown({ defaultAction, defaultErrnoRet }: Seccomp): boolean {
  if (['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'].includes(defaultAction)) return false
  return !(defaultAction === 'SCMP_ACT_ERRNO' && defaultErrnoRet === ENOSYS)
}

/** All names count, those with the default action too: the author knew them. */
function highestOf({ syscalls = [] }: Seccomp, name: ArchitectureName): number | undefined {
  return highestCall(name, syscalls.flatMap(({ names }) => names))
}

/** x86_64 and x32 share a section: the numbers of one that the filter does not have end the thread. */
function fill(ranges: readonly Range[], audit: number): Range[] {
  const bases = audit === architectures.X86_64.audit ? [0, X32_BIT] : [0]
  const missing = bases.filter((base) => ranges.every(({ first }) => first !== base))
  return [...ranges, ...missing.map((first) => ({ first, leaf: KILL_THREAD }))].sort((a, b) => a.first - b.first)
}

/** Everything that one value of seccomp_data.arch stands for. */
function emitSection(program: Assembler, ranges: readonly Range[], otherwise: number): Label {
  const emit = (leaf: Leaf): Label =>
    typeof leaf === 'number' ? program.return(leaf) : emitRules(program, leaf.rules, leaf.architecture, otherwise)
  return program.load(NUMBER, emitTree(program, [...ranges, { first: SKIPPED, leaf: otherwise }], emit))
}
