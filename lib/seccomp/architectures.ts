/**
 * The architectures of a filter. Source: linux/audit.h (AUDIT_ARCH_*), config-linux.md "Seccomp".
 */

export interface Architecture {
  /** What seccomp_data.arch holds. */
  readonly audit: number
  /** Width of a system call's argument: of a 32-bit one only the low half is compared, as libseccomp does. */
  readonly bits: 32 | 64
  readonly bigEndian?: true
}

const architecture = (audit: number, bits: 32 | 64, bigEndian?: true): Architecture =>
  bigEndian === undefined ? { audit, bits } : { audit, bits, bigEndian }

/** By their names without `SCMP_ARCH_`. x32 shares x86_64's number: bit 30 of the system call tells the two apart. */
export const architectures = {
  X86: architecture(0x40000003, 32),
  X86_64: architecture(0xc000003e, 64),
  X32: architecture(0xc000003e, 32),
  ARM: architecture(0x40000028, 32),
  AARCH64: architecture(0xc00000b7, 64),
  LOONGARCH64: architecture(0xc0000102, 64),
  M68K: architecture(0x00000004, 32, true),
  MIPS: architecture(0x00000008, 32, true),
  MIPS64: architecture(0x80000008, 64, true),
  MIPS64N32: architecture(0xa0000008, 32, true),
  MIPSEL: architecture(0x40000008, 32),
  MIPSEL64: architecture(0xc0000008, 64),
  MIPSEL64N32: architecture(0xe0000008, 32),
  PPC: architecture(0x00000014, 32, true),
  PPC64: architecture(0x80000015, 64, true),
  PPC64LE: architecture(0xc0000015, 64),
  S390: architecture(0x00000016, 32, true),
  S390X: architecture(0x80000016, 64, true),
  SH: architecture(0x4000002a, 32),
  SHEB: architecture(0x0000002a, 32, true),
  PARISC: architecture(0x0000000f, 32, true),
  PARISC64: architecture(0x8000000f, 64, true),
  RISCV64: architecture(0xc00000f3, 64),
} as const satisfies Readonly<Record<string, Architecture>>

export type ArchitectureName = keyof typeof architectures

/** Bit of the system call's number that marks the x32 ABI. */
export const X32_BIT = 0x40000000

/** `SCMP_ARCH_X86_64` -> `X86_64`. */
export const architectureName = (name: string): ArchitectureName => name.slice('SCMP_ARCH_'.length) as ArchitectureName

/** The architecture that Node was built for; init and the addon exist for these two. */
export const nativeArchitecture = (arch: string = process.arch): ArchitectureName => (arch === 'arm64' ? 'AARCH64' : 'X86_64')
