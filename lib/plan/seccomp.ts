/**
 * The filter of system calls. Source: config-linux.md "Seccomp", seccomp(2).
 */
import { compileProgram } from '../seccomp/compile.ts'
import { nativeArchitecture } from '../seccomp/architectures.ts'
import { filterFlags, hasListener } from '../seccomp/flags.ts'
import type { Seccomp } from '../spec/schema.ts'
import type { Operation } from './operations.ts'

/** Makes the program of a profile; see {@link compileProgram} for what it throws. */
export type CompileFilter = (profile: Seccomp) => Uint8Array

/** Where the filter is loaded: before init waits for start, or right before execve. */
export interface FilterPlan {
  readonly beforeStart: readonly Operation[]
  readonly beforeExec: readonly Operation[]
}

/**
 * As late as possible, so that the profile need not allow what init does. Where the descriptor of a listener has to go to
 * the host, it goes while the host is there for certain: before a start that may come from another process.
 *
 * @param waits - Whether start comes over exec.fifo.
 * @throws NruncError ERR_CONFIG_INVALID for a profile that cannot be compiled
 */
export function planSeccomp(profile: Seccomp | undefined, waits: boolean, compile: CompileFilter = compileNative): FilterPlan {
  if (profile === undefined) return { beforeStart: [], beforeExec: [] }
  const early = waits && hasListener(profile)
  const load: Operation = {
    op: 'seccomp', field: '/linux/seccomp', program: compile(profile), flags: filterFlags(profile), now: early ? 1 : 0,
  }
  return early ? { beforeStart: [load], beforeExec: [] } : { beforeStart: [], beforeExec: [load] }
}

const compileNative: CompileFilter = (profile) => compileProgram(profile, nativeArchitecture())
