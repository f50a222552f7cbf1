/** `linux.seccomp` of config.json. Source: runtime-spec config-linux.md "Seccomp", seccomp(2). */
import { integer, list, oneOf, struct, text, uint32, uint64 } from './shape.ts'
import type { Output } from './shape.ts'

const names = {
  actions: [
    'SCMP_ACT_KILL', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_TRAP', 'SCMP_ACT_ERRNO',
    'SCMP_ACT_TRACE', 'SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_NOTIFY',
  ],
  operators: [
    'SCMP_CMP_NE', 'SCMP_CMP_LT', 'SCMP_CMP_LE', 'SCMP_CMP_EQ', 'SCMP_CMP_GE', 'SCMP_CMP_GT', 'SCMP_CMP_MASKED_EQ',
  ],
  architectures: [
    'SCMP_ARCH_X86', 'SCMP_ARCH_X86_64', 'SCMP_ARCH_X32', 'SCMP_ARCH_ARM', 'SCMP_ARCH_AARCH64',
    'SCMP_ARCH_LOONGARCH64', 'SCMP_ARCH_M68K', 'SCMP_ARCH_MIPS', 'SCMP_ARCH_MIPS64', 'SCMP_ARCH_MIPS64N32',
    'SCMP_ARCH_MIPSEL', 'SCMP_ARCH_MIPSEL64', 'SCMP_ARCH_MIPSEL64N32', 'SCMP_ARCH_PPC', 'SCMP_ARCH_PPC64',
    'SCMP_ARCH_PPC64LE', 'SCMP_ARCH_S390', 'SCMP_ARCH_S390X', 'SCMP_ARCH_SH', 'SCMP_ARCH_SHEB',
    'SCMP_ARCH_PARISC', 'SCMP_ARCH_PARISC64', 'SCMP_ARCH_RISCV64',
  ],
  flags: [
    'SECCOMP_FILTER_FLAG_TSYNC', 'SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW',
    'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',
  ],
} as const

const action = oneOf('seccomp action', names.actions)
/** What happens to a system call. */
export type SeccompAction = Output<typeof action>

const argument = struct({
  /** Index of the argument, 0 to 5. */
  index: integer(0, 5),
  /** What it is compared with; the mask for SCMP_CMP_MASKED_EQ. */
  value: uint64,
  op: oneOf('seccomp operator', names.operators),
}, {
  /** What the masked argument is compared with, for SCMP_CMP_MASKED_EQ. */
  valueTwo: uint64,
})
/** A comparison of one argument of a system call. */
export interface SeccompArgument extends Output<typeof argument> {}

const syscall = struct({
  /** Names of system calls, at least one; names that the kernel does not know are ignored. */
  names: list(text),
  action,
}, {
  /** errno for SCMP_ACT_ERRNO and SCMP_ACT_TRACE, default EPERM. */
  errnoRet: uint32,
  /** All of them must hold. */
  args: list<SeccompArgument>(argument),
})
/** One rule. */
export interface SeccompSyscall extends Output<typeof syscall> {}

export const seccompSchema = struct({
  /** For system calls without a rule. */
  defaultAction: action,
}, {
  defaultErrnoRet: uint32,
  architectures: list(oneOf('seccomp architecture', names.architectures)),
  /** Flags of seccomp(2). */
  flags: list(oneOf('seccomp flag', names.flags)),
  /** Path of the AF_UNIX socket that receives the notify descriptor. */
  listenerPath: text,
  /** Handed to the listener as it is. */
  listenerMetadata: text,
  syscalls: list<SeccompSyscall>(syscall),
})
/** The system call filter. */
export interface Seccomp extends Output<typeof seccompSchema> {}
