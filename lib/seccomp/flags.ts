/**
 * Flags of seccomp(2). Source: linux/seccomp.h, config-linux.md "Seccomp".
 */
import type { Seccomp } from '../spec/schema.ts'

type Flag = NonNullable<Seccomp['flags']>[number]

const NEW_LISTENER = 8

/** SECCOMP_FILTER_FLAG_*. TSYNC is for the other threads of a process; init has none. */
const flagValues: Readonly<Record<Flag, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
}

/** Whether someone has to answer for system calls. A rule for a name that does not exist counts, as in runc. */
export const hasListener = ({ syscalls = [] }: Seccomp): boolean =>
  syscalls.some(({ action }) => action === 'SCMP_ACT_NOTIFY')

/** A profile that says nothing of flags, not even that there are none, gets SPEC_ALLOW, as in runc. */
export function filterFlags(profile: Seccomp): number {
  const { flags = ['SECCOMP_FILTER_FLAG_SPEC_ALLOW'] } = profile
  const listener = hasListener(profile)
  return flags.reduce((sum, flag) => {
    if (flag === 'SECCOMP_FILTER_FLAG_TSYNC') return sum
    // The kernel refuses it for a filter that nobody listens to.
    if (flag === 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV' && !listener) return sum
    return sum | flagValues[flag]
  }, listener ? NEW_LISTENER : 0)
}
