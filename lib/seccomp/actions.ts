/**
 * Actions as the values that a filter returns. Source: linux/seccomp.h, seccomp(2).
 */
import type { SeccompAction } from '../spec/schema.ts'

const EPERM = 1
export const ENOSYS = 38

const values: Readonly<Record<SeccompAction, number>> = {
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
}

export const KILL_THREAD = values.SCMP_ACT_KILL_THREAD
export const errnoValue = (errno: number): number => (values.SCMP_ACT_ERRNO | errno) >>> 0

/** Whether the action carries a number of its own: errno, or the message of PTRACE_EVENT_SECCOMP. */
const takesErrno = (action: SeccompAction): boolean => action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE'

/** The filter's return value. */
export const actionValue = (action: SeccompAction, errnoRet = EPERM): number =>
  takesErrno(action) ? (values[action] | (errnoRet & 0xffff)) >>> 0 : values[action]
