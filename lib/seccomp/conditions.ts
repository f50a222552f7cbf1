/**
 * Conditions on the arguments of a system call -> BPF. It compares 32 bits at a time: a 64-bit comparison is made of one
 * of the high halves and one of the low halves. Source: seccomp(2), struct seccomp_data.
 */
import type { Architecture } from './architectures.ts'
import type { Assembler, Label } from './assembler.ts'
import type { Condition, Rule } from './rules.ts'

const ARGUMENTS = 16

/** The rules one after the other, OTHERWISE when none holds. */
export function emitRules(program: Assembler, rules: readonly Rule[], architecture: Architecture, otherwise: number): Label {
  return rules.reduceRight<Label>((next, { action, conditions }) => {
    const decided = program.return(action)
    return conditions.reduceRight<Label>((yes, condition) => emitCondition(program, condition, architecture, yes, next), decided)
  }, program.return(otherwise))
}

function emitCondition(
  program: Assembler, { index, op, value, other }: Condition, architecture: Architecture, yes: Label, no: Label,
): Label {
  const [high, low] = architecture.bigEndian ? [0, 4] : [4, 0]
  const at = ARGUMENTS + 8 * index
  const half = (offset: number, compare: (word: number) => Label): Label => program.load(at + offset, compare(offset))
  const wide = architecture.bits === 64
  const [valueHigh, valueLow] = halves(value)
  switch (op) {
    case 'SCMP_CMP_EQ':
    case 'SCMP_CMP_NE': {
      const [same, different] = op === 'SCMP_CMP_EQ' ? [yes, no] : [no, yes]
      const lows = half(low, () => program.jump('equal', valueLow, same, different))
      return wide ? half(high, () => program.jump('equal', valueHigh, lows, different)) : lows
    }
    case 'SCMP_CMP_GT':
    case 'SCMP_CMP_GE':
    case 'SCMP_CMP_LT':
    case 'SCMP_CMP_LE': {
      const upwards = op === 'SCMP_CMP_GT' || op === 'SCMP_CMP_GE'
      const kind = op === 'SCMP_CMP_GT' || op === 'SCMP_CMP_LE' ? 'greater' : 'greaterOrEqual'
      const [above, below] = upwards ? [yes, no] : [no, yes]
      const lows = half(low, () => program.jump(kind, valueLow, above, below))
      if (!wide) return lows
      return half(high, () => program.jump('greater', valueHigh, above, program.jump('equal', valueHigh, lows, below)))
    }
    case 'SCMP_CMP_MASKED_EQ': {
      const [otherHigh, otherLow] = halves(other)
      const masked = (offset: number, mask: number, wanted: number, next: Label): Label => {
        if (mask === 0) return next
        const compared = program.jump('equal', wanted, next, no)
        return program.load(at + offset, mask === 0xffffffff ? compared : program.and(mask, compared))
      }
      const lows = masked(low, valueLow, otherLow, yes)
      return wide ? masked(high, valueHigh, otherHigh, lows) : lows
    }
  }
}

const halves = (value: bigint): [high: number, low: number] => [Number(value >> 32n), Number(value & 0xffffffffn)]
