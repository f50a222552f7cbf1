/**
 * What nrunc can do with system call filters, for the command `features`. Source: runtime-spec features-linux.md.
 */
import type { Seccomp, SeccompAction, SeccompArgument } from '../spec/schema.ts'
import { seccompSchemaNames } from '../spec/seccomp.ts'
import { addon } from '../native/addon.ts'
import { flagValues } from './flags.ts'

type Flag = NonNullable<Seccomp['flags']>[number]

export interface SeccompFeatures {
  readonly enabled: true
  readonly actions: readonly SeccompAction[]
  readonly operators: readonly SeccompArgument['op'][]
  readonly archs: NonNullable<Seccomp['architectures']>
  readonly knownFlags: readonly Flag[]
  /** The flags that this kernel knows too. */
  readonly supportedFlags: readonly Flag[]
}

const NEW_LISTENER = 8

/** Each list in alphabetical order, as runc has it. */
export function seccompFeatures(): SeccompFeatures {
  const { actions, operators, architectures, flags } = seccompSchemaNames
  const supported = (flag: Flag): boolean => {
    const needs = flag === 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV' ? NEW_LISTENER : 0
    return addon().seccompFlag(flagValues[flag] | needs)
  }
  return {
    enabled: true, actions: [...actions].sort(), operators: [...operators].sort(), archs: [...architectures].sort(),
    knownFlags: [...flags], supportedFlags: flags.filter(supported),
  }
}
