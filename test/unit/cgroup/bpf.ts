/** A small interpreter of eBPF: enough to run a device program, strict about everything that the verifier refuses. */
export interface DeviceRequest {
  readonly type: 'b' | 'c'
  readonly major: number
  readonly minor: number
  /** Letters of `rwm`. */
  readonly access: string
}

const bits = { m: 1, r: 2, w: 4 } as const

/** Whether PROGRAM allows the request. */
export function allows(program: Uint8Array, { type, major, minor, access }: DeviceRequest): boolean {
  const kinds = [...access].reduce((sum, letter) => sum | bits[letter as 'r'], 0)
  const context = new DataView(new ArrayBuffer(12))
  context.setUint32(0, ((kinds << 16) | (type === 'b' ? 1 : 2)) >>> 0, true)
  context.setUint32(4, major, true)
  context.setUint32(8, minor, true)
  return run(program, context) === 1
}

function run(program: Uint8Array, context: DataView): number {
  const registers: (number | undefined)[] = Array(10).fill(undefined)
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength)
  const count = program.byteLength / 8
  for (let at = 0, steps = 0; ; at += 1, steps += 1) {
    if (!Number.isInteger(count) || at < 0 || at >= count || steps > count) throw new Error(`jump to ${at}`)
    const code = view.getUint8(at * 8)
    const destination = view.getUint8(at * 8 + 1) & 15
    const source = view.getUint8(at * 8 + 1) >> 4
    const offset = view.getInt16(at * 8 + 2, true)
    const value = view.getInt32(at * 8 + 4, true)
    const read = (number: number): number => {
      const content = registers[number]
      if (content === undefined) throw new Error(`register ${number} is read before it is written`)
      return content
    }
    switch (code) {
      case 0x61:
        if (source !== 1) throw new Error('only the context can be read')
        registers[destination] = context.getUint32(offset, true)
        break
      case 0xbc: registers[destination] = read(source) >>> 0; break
      case 0xa4: registers[destination] = (read(destination) ^ value) >>> 0; break
      case 0xb7: registers[destination] = value; break
      case 0x54: registers[destination] = (read(destination) & value) >>> 0; break
      case 0x74: registers[destination] = read(destination) >>> value; break
      case 0x05: at += offset; break
      case 0x16: if (read(destination) >>> 0 === value >>> 0) at += offset; break
      case 0x56: if (read(destination) >>> 0 !== value >>> 0) at += offset; break
      case 0x46: if ((read(destination) & value) !== 0) at += offset; break
      case 0x95: {
        const result = registers[0]
        if (result === undefined) throw new Error('no result')
        return result
      }
      default: throw new Error(`unknown instruction 0x${code.toString(16)}`)
    }
  }
}

/** Indices of the instructions that no path reaches; the verifier refuses a program that has any. */
export function unreachable(program: Uint8Array): number[] {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength)
  const seen = new Set<number>()
  const open = [0]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue
    seen.add(at)
    const code = view.getUint8(at * 8)
    const offset = view.getInt16(at * 8 + 2, true)
    if (code === 0x95) continue
    if (code !== 0x05) open.push(at + 1)
    if (code === 0x05 || (code & 7) === 6) open.push(at + 1 + offset)
  }
  return Array.from({ length: program.byteLength / 8 }, (_, index) => index).filter(index => !seen.has(index))
}
