/**
 * The parts of a 64-bit little-endian ELF file that say how a program is loaded. Source: elf(5).
 */
import { readFileSync } from 'node:fs'

export interface Segment {
  /** `PT_*`. */
  readonly type: number
  /** Where it is in the file, and how long there. Bytes. */
  readonly offset: number
  readonly size: number
  readonly readable: boolean
  readonly writable: boolean
  readonly executable: boolean
}

export interface Elf {
  /** `ET_*`. */
  readonly type: number
  /** Bits of `GNU_PROPERTY_X86_FEATURE_1_AND` or `GNU_PROPERTY_AARCH64_FEATURE_1_AND`: what all of the code is made for. */
  readonly features: number
  readonly segments: readonly Segment[]
  /** Values of the dynamic section, by tag (`DT_*`). */
  readonly dynamic: ReadonlyMap<number, bigint>
  /** Names that stand in the dynamic string table. */
  readonly names: ReadonlySet<string>
}

export const ET = { EXEC: 2, DYN: 3 } as const
export const PT = {
  LOAD: 1, DYNAMIC: 2, INTERP: 3, GNU_STACK: 0x6474e551, GNU_RELRO: 0x6474e552, GNU_PROPERTY: 0x6474e553,
} as const
export const DT = {
  NEEDED: 1, STRTAB: 5, RELA: 7, STRSZ: 10, RPATH: 15, REL: 17, TEXTREL: 22, BIND_NOW: 24, RUNPATH: 29, FLAGS: 30, RELR: 36,
  FLAGS_1: 0x6ffffffb,
} as const

export function readElf(path: string): Elf {
  const file = readFileSync(path)
  if (file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) throw new Error(`${path} is not a 64-bit ELF file`)
  const start = Number(file.readBigUInt64LE(32)), size = file.readUInt16LE(54), count = file.readUInt16LE(56)
  const headers = Array.from({ length: count }, (_, index) => file.subarray(start + index * size, start + (index + 1) * size))
  const segments = headers.map((header): Segment => {
    const flags = header.readUInt32LE(4)
    return {
      type: header.readUInt32LE(0), offset: Number(header.readBigUInt64LE(8)), size: Number(header.readBigUInt64LE(32)),
      executable: (flags & 1) !== 0, writable: (flags & 2) !== 0, readable: (flags & 4) !== 0,
    }
  })
  /** Where in the file what is loaded at ADDRESS stands. */
  const offsetOf = (address: bigint): number => {
    const header = headers.find((one) => one.readUInt32LE(0) === 1 && address >= one.readBigUInt64LE(16) &&
      address < one.readBigUInt64LE(16) + one.readBigUInt64LE(32))
    if (header === undefined) throw new Error(`${path}: nothing is loaded at ${address}`)
    return Number(address - header.readBigUInt64LE(16) + header.readBigUInt64LE(8))
  }
  const dynamic = new Map<number, bigint>()
  const section = headers.find((header) => header.readUInt32LE(0) === PT.DYNAMIC)
  if (section !== undefined) {
    const from = Number(section.readBigUInt64LE(8)), end = from + Number(section.readBigUInt64LE(32))
    for (let at = from; at < end && file.readBigUInt64LE(at) !== 0n; at += 16) {
      dynamic.set(Number(file.readBigUInt64LE(at)), file.readBigUInt64LE(at + 8))
    }
  }
  const table = dynamic.get(DT.STRTAB)
  const from = table === undefined ? 0 : offsetOf(table)
  const names = file.subarray(from, from + Number(dynamic.get(DT.STRSZ) ?? 0)).toString('latin1').split('\0')
  return { type: file.readUInt16LE(16), features: featuresOf(file, segments), segments, dynamic, names: new Set(names) }
}

/** Of the note NT_GNU_PROPERTY_TYPE_0: pairs of type and size, padded to 8 bytes, after a name of 4. */
function featuresOf(file: Buffer, segments: readonly Segment[]): number {
  const note = segments.find(({ type }) => type === PT.GNU_PROPERTY)
  if (note === undefined) return 0
  for (let at = note.offset + 16; at < note.offset + note.size;) {
    const size = file.readUInt32LE(at + 4)
    if ([0xc0000000, 0xc0000002].includes(file.readUInt32LE(at))) return file.readUInt32LE(at + 8)
    at += 8 + Math.ceil(size / 8) * 8
  }
  return 0
}
