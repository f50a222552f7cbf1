/**
 * Classic BPF, put together from its end to its beginning: a jump goes forward only, so that its target is always there
 * already. Source: linux/filter.h, linux/bpf_common.h, seccomp(2).
 */

const LOAD_ABSOLUTE = 0x20, AND = 0x54, JUMP = 0x05, RETURN = 0x06
const jumps = { equal: 0x15, greater: 0x25, greaterOrEqual: 0x35 } as const

/** An instruction that jumps can go to: its distance from the end of the program. */
export type Label = number

/** A conditional jump has 8 bits for each of its distances. */
const FARTHEST = 255

export class Assembler {
  /** code, jt, jf, k of each instruction, the last one first. */
  readonly #words: number[] = []
  readonly #returns = new Map<number, Label>()

  /** Number of instructions. */
  get length(): number { return this.#words.length / 4 }

  #add(code: number, ifTrue: number, ifFalse: number, operand: number): Label {
    this.#words.push(code, ifTrue, ifFalse, operand >>> 0)
    return this.length
  }

  /** How many instructions a jump that is added next skips. */
  #distance(to: Label, after = 0): number { return this.length + after - to }

  /** End with this value; one that is near enough is used again. */
  return(value: number): Label {
    const known = this.#returns.get(value)
    if (known !== undefined && this.#distance(known) < FARTHEST / 2) return known
    const label = this.#add(RETURN, 0, 0, value)
    this.#returns.set(value, label)
    return label
  }

  /** Load 32 bits of struct seccomp_data, then go on at NEXT. */
  load(offset: number, next: Label): Label {
    this.#goOn(next)
    return this.#add(LOAD_ABSOLUTE, 0, 0, offset)
  }

  /** What was loaded, and the mask; then go on at NEXT. */
  and(mask: number, next: Label): Label {
    this.#goOn(next)
    return this.#add(AND, 0, 0, mask)
  }

  #goOn(next: Label): void {
    if (next !== this.length) this.#add(JUMP, 0, 0, this.#distance(next))
  }

  /** Compare what was loaded (unsigned). */
  jump(kind: keyof typeof jumps, operand: number, ifTrue: Label, ifFalse: Label): Label {
    if (ifTrue === ifFalse) return ifTrue
    // A step in between may push the other target out of reach: room for two of them.
    const far = (label: Label): boolean => this.#distance(label, 2) > FARTHEST
    const near = (label: Label): Label => (far(label) ? this.#add(JUMP, 0, 0, this.#distance(label)) : label)
    const [yes, no] = [near(ifTrue), near(ifFalse)]
    return this.#add(jumps[kind], this.#distance(yes), this.#distance(no), operand)
  }

  /** The program from START on, which must be the instruction added last. In the byte order of the machine it is for. */
  finish(start: Label, bigEndian: boolean): Buffer {
    this.#goOn(start)
    const count = this.length
    const program = Buffer.allocUnsafe(count * 8)
    for (let at = 0; at < count; at++) {
      const [code, ifTrue, ifFalse, operand] = this.#words.slice((count - 1 - at) * 4) as [number, number, number, number]
      program[at * 8 + 2] = ifTrue
      program[at * 8 + 3] = ifFalse
      if (bigEndian) {
        program.writeUInt16BE(code, at * 8)
        program.writeUInt32BE(operand, at * 8 + 4)
      } else {
        program.writeUInt16LE(code, at * 8)
        program.writeUInt32LE(operand, at * 8 + 4)
      }
    }
    return program
  }
}
