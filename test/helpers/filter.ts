/** A small interpreter of classic BPF as seccomp(2) has it, strict about everything that the kernel refuses. */

/** One system call, as struct seccomp_data has it. Missing arguments are 0. */
export interface SystemCall {
  readonly audit: number
  readonly number: number
  readonly args?: readonly bigint[]
}

/** A program, decoded once. */
export class Filter {
  readonly length: number
  readonly #codes: Uint16Array
  readonly #ifTrue: Uint8Array
  readonly #ifFalse: Uint8Array
  readonly #operands: Uint32Array
  readonly #bigEndian: boolean
  readonly #data = new DataView(new ArrayBuffer(64))

  constructor(program: Uint8Array, bigEndian = false) {
    const view = new DataView(program.buffer, program.byteOffset, program.byteLength)
    const count = this.length = program.byteLength / 8
    if (!Number.isInteger(count) || count === 0 || count > 4096) throw new Error(`a program of ${count} instructions`)
    this.#bigEndian = bigEndian
    this.#codes = Uint16Array.from({ length: count }, (_, at) => view.getUint16(at * 8, !bigEndian))
    this.#ifTrue = Uint8Array.from({ length: count }, (_, at) => view.getUint8(at * 8 + 2))
    this.#ifFalse = Uint8Array.from({ length: count }, (_, at) => view.getUint8(at * 8 + 3))
    this.#operands = Uint32Array.from({ length: count }, (_, at) => view.getUint32(at * 8 + 4, !bigEndian))
    this.#check()
  }

  /** Every instruction that can be reached leads to a return, as bpf_check_classic of the kernel has it. */
  #check(): void {
    for (let at = 0; at < this.length; at++) {
      const code = this.#codes[at]!
      const farthest = code === 0x05 ? this.#operands[at]! : (code & 7) === 5 ? Math.max(this.#ifTrue[at]!, this.#ifFalse[at]!) : 0
      if (at + farthest + 1 >= this.length && code !== 0x06) throw new Error(`instruction ${at} leads out of the program`)
    }
  }

  /** What the filter returns for a system call. */
  verdict({ audit, number, args = [] }: SystemCall): number {
    const data = this.#data
    data.setUint32(0, number, !this.#bigEndian)
    data.setUint32(4, audit, !this.#bigEndian)
    for (let index = 0; index < 6; index++) data.setBigUint64(16 + 8 * index, args[index] ?? 0n, !this.#bigEndian)
    return this.#run()
  }

  #run(): number {
    let loaded: number | undefined
    for (let at = 0; at < this.length; at++) {
      const operand = this.#operands[at]!
      const code = this.#codes[at]!
      if (code === 0x06) return operand
      if (code === 0x05) at += operand
      else if (code === 0x20) {
        if (operand % 4 !== 0 || operand > 60) throw new Error(`load from ${operand}`)
        loaded = this.#data.getUint32(operand, !this.#bigEndian)
      } else if (loaded === undefined) throw new Error('used before it is loaded')
      else if (code === 0x54) loaded = (loaded & operand) >>> 0
      else if (code === 0x15) at += loaded === operand ? this.#ifTrue[at]! : this.#ifFalse[at]!
      else if (code === 0x25) at += loaded > operand ? this.#ifTrue[at]! : this.#ifFalse[at]!
      else if (code === 0x35) at += loaded >= operand ? this.#ifTrue[at]! : this.#ifFalse[at]!
      else if (code === 0x45) at += (loaded & operand) !== 0 ? this.#ifTrue[at]! : this.#ifFalse[at]!
      else throw new Error(`unknown instruction 0x${code.toString(16)}`)
    }
    throw new Error('the program has no end')
  }
}
