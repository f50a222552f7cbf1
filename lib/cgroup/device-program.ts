/**
 * Device rules -> an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE. Source: linux/bpf.h, the kernel's
 * bpf/standardization/instruction-set.
 *
 * Register 2 holds the type of the device, 3 the kinds of access that no rule has decided yet, 4 and 5 its numbers. The
 * rules are asked from the last to the first, so that the last one that covers a kind of access decides it: one that
 * allows removes its kinds, one that denies any that is left ends the program. What is left over gets the default.
 *
 * Numbers are compared in register 1, a copy: if the verifier learned registers 4 and 5 from the comparisons it would
 * follow every rule's way through all the others, and give up at a few hundred rules.
 */
import { ACCESS, allowsEverything, ANY, type DeviceAccess, type DevicePolicy } from './devices.ts'
import { invalid } from './limit.ts'

const LOAD_WORD = 0x61 // BPF_LDX | BPF_MEM | BPF_W
const MOVE = 0xb7 // BPF_ALU64 | BPF_MOV | BPF_K
const COPY = 0xbc // BPF_ALU | BPF_MOV | BPF_X
const XOR = 0xa4 // BPF_ALU | BPF_XOR | BPF_K
const AND = 0x54 // BPF_ALU | BPF_AND | BPF_K
const SHIFT_RIGHT = 0x74 // BPF_ALU | BPF_RSH | BPF_K
const JUMP = 0x05 // BPF_JMP | BPF_JA
const JUMP_EQUAL = 0x16 // BPF_JMP32 | BPF_JEQ | BPF_K
const JUMP_UNEQUAL = 0x56 // BPF_JMP32 | BPF_JNE | BPF_K
const JUMP_ANY_BIT = 0x46 // BPF_JMP32 | BPF_JSET | BPF_K
const EXIT = 0x95

const everyAccess = ACCESS.m | ACCESS.r | ACCESS.w
const deviceTypes = { b: 1, c: 2 } as const // BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR

type Target = 'next' | 'allow' | 'deny'
interface Instruction {
  readonly code: number
  readonly destination?: number
  readonly source?: number
  readonly offset?: number
  readonly value?: number
  readonly target?: Target
}

const prologue: readonly Instruction[] = [
  { code: LOAD_WORD, destination: 2, source: 1, offset: 0 },
  { code: LOAD_WORD, destination: 3, source: 1, offset: 0 },
  { code: LOAD_WORD, destination: 4, source: 1, offset: 4 },
  { code: LOAD_WORD, destination: 5, source: 1, offset: 8 },
  { code: AND, destination: 2, value: 0xffff },
  { code: SHIFT_RIGHT, destination: 3, value: 16 },
]

function block({ allow, type, major, minor, access }: DeviceAccess): Instruction[] {
  const list: Instruction[] = [{ code: JUMP_UNEQUAL, destination: 2, value: deviceTypes[type], target: 'next' }]
  for (const [source, value] of [[4, major], [5, minor]] as const) {
    if (value === ANY) continue
    list.push({ code: COPY, destination: 1, source }, { code: XOR, destination: 1, value })
    list.push({ code: JUMP_UNEQUAL, destination: 1, value: 0, target: 'next' })
  }
  if (access === everyAccess) {
    list.push({ code: JUMP, target: allow ? 'allow' : 'deny' })
  } else if (allow) {
    list.push({ code: AND, destination: 3, value: everyAccess & ~access })
    list.push({ code: JUMP_EQUAL, destination: 3, value: 0, target: 'allow' })
  } else {
    list.push({ code: JUMP_ANY_BIT, destination: 3, value: access, target: 'deny' })
  }
  return list
}

const verdict = (allow: boolean): Instruction[] =>
  [{ code: MOVE, destination: 0, value: allow ? 1 : 0 }, { code: EXIT }]

/**
 * The program for POLICY as `struct bpf_insn`s, or undefined where everything is allowed. It calls no helper, so any
 * license will do.
 *
 * @throws NruncError ERR_CONFIG_INVALID for more rules than the program's jumps can span (about 3,600)
 */
export function deviceProgram(policy: DevicePolicy): Uint8Array | undefined {
  if (allowsEverything(policy)) return undefined
  const blocks = policy.rules.toReversed().map(block)
  const fallThrough: Target = policy.allow ? 'allow' : 'deny'
  const other: Target = policy.allow ? 'deny' : 'allow'
  // The verifier refuses instructions that nothing reaches.
  const otherIsUsed = blocks.some(list => list.some(({ target }) => target === other))

  const body = blocks.flatMap(list =>
    list.map((instruction, index) => ({ instruction, next: list.length - index - 1 })))
  const end = prologue.length + body.length
  const addresses = { [fallThrough]: end, [other]: end + 2 } as Record<Target, number>
  if (end > 0x7fff) throw invalid('/linux/resources/devices', `too many device rules: ${policy.rules.length}`)

  const jumps = body.map(({ instruction, next }, index): Instruction => ({
    ...instruction,
    ...(instruction.target !== undefined && {
      offset: instruction.target === 'next' ? next : addresses[instruction.target] - (prologue.length + index) - 1,
    }),
  }))
  return assemble([...prologue, ...jumps, ...verdict(policy.allow), ...(otherIsUsed ? verdict(!policy.allow) : [])])
}

/** `struct bpf_insn` of a little-endian machine. */
function assemble(list: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(list.length * 8))
  list.forEach(({ code, destination = 0, source = 0, offset = 0, value = 0 }, index) => {
    view.setUint8(index * 8, code)
    view.setUint8(index * 8 + 1, (source << 4) | destination)
    view.setInt16(index * 8 + 2, offset, true)
    view.setInt32(index * 8 + 4, value | 0, true)
  })
  return new Uint8Array(view.buffer)
}
