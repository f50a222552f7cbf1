/** What host and init report of a failure. */
import { operations, type OperationName } from '../../../lib/plan/operations.ts'

export interface Report {
  readonly op: OperationName | number
  readonly errno: number
  readonly field?: string
  readonly syscall?: string
  readonly operand?: string
  readonly detail?: string
}

/** What plan::FrameWriter::failure writes. */
export function report({ op, errno, field = '', syscall = '', operand = '', detail = '' }: Report): Buffer {
  const numbers = Buffer.alloc(12)
  numbers.writeUInt32LE(7, 0)
  numbers.writeUInt32LE(typeof op === 'number' ? op : operations[op].code, 4)
  numbers.writeInt32LE(errno, 8)
  const texts = [field, syscall, operand, detail].map((text) => {
    const size = Buffer.alloc(4)
    size.writeUInt32LE(Buffer.byteLength(text))
    return Buffer.concat([size, Buffer.from(text), Buffer.alloc(1)])
  })
  return Buffer.concat([numbers, ...texts])
}
