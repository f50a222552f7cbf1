/**
 * User, capabilities, limits and privileges of a process. Source: runtime-spec config.md "POSIX process", "User",
 * "Linux Process"; capabilities(7), setrlimit(2).
 */
import { NruncError } from '../errors.ts'
import { capabilityNames, rlimitNames } from '../spec/names.ts'
import type { Capabilities, ProcessSpec, Spec } from '../spec/schema.ts'
import { pointer } from '../spec/pointer.ts'
import type { HostFacts } from './context.ts'
import type { Operation } from './operations.ts'

/** Linux starts every program with this soft limit; Node has raised its own to the hard one. */
const DEFAULT_OPEN_FILES = 1024

export interface IdentityFacts {
  readonly host: HostFacts
  /** JSON pointer of the process. */
  readonly field: string
  /** setgroups(2) is denied: an unprivileged user mapped its own group. */
  readonly groupsDenied: boolean
  /** The config asks for the groups of the caller. */
  readonly keepGroups?: boolean | undefined
  /** The process gets a filter of system calls. Default false. */
  readonly filtered?: boolean | undefined
}

/** Whether a process that is added to a container is denied setgroups(2), because an unprivileged user mapped its own group. */
export const groupsDenied = ({ linux }: Spec, { uid }: HostFacts): boolean =>
  uid !== 0 && (linux?.gidMappings?.length ?? 0) === 1

/** crun's documentation: "skip the setgroups syscall", also where the config has additional groups. */
export const keepOriginalGroups = (annotations: Spec['annotations']): boolean =>
  annotations?.['run.oci.keep_original_groups'] === '1'

/** Capability names as a bit mask; names that this version does not know are not there (validation warns of them). */
export function capabilityMask(names: readonly string[] | undefined): bigint {
  return (names ?? []).reduce((mask, name) => {
    const bit = capabilityNames.indexOf(name as (typeof capabilityNames)[number])
    return bit < 0 ? mask : mask | (1n << BigInt(bit))
  }, 0n)
}

/** Limits, umask and no_new_privs; they do not depend on who the process will be. */
export function planLimits(process: ProcessSpec, { host, field }: IdentityFacts): Operation[] {
  const list = (process.rlimits ?? []).map(({ type, soft, hard }, index): Operation => ({
    op: 'rlimit', field: `${field}${pointer('rlimits', index)}`, name: type, soft, hard,
    resource: rlimitNames.indexOf(type as (typeof rlimitNames)[number]),
  }))
  if (!process.rlimits?.some(({ type }) => type === 'RLIMIT_NOFILE')) {
    const hard = BigInt(host.openFilesHard)
    list.unshift({
      op: 'rlimit', field: '', name: 'RLIMIT_NOFILE', resource: rlimitNames.indexOf('RLIMIT_NOFILE'),
      soft: hard < DEFAULT_OPEN_FILES ? hard : DEFAULT_OPEN_FILES, hard,
    })
  }
  const { umask } = process.user
  list.push({ op: 'umask', field: `${field}/user${umask === undefined ? '' : '/umask'}`, mask: umask ?? 0o022 })
  if (process.noNewPrivileges) list.push({ op: 'noNewPrivileges', field: `${field}/noNewPrivileges` })
  return list
}

/**
 * Becoming the user. Without `capabilities` the process has none, and none to gain.
 *
 * @throws NruncError ERR_CONFIG_INVALID for groups that the kernel will not give
 */
export function planUser(
  process: ProcessSpec, { field, groupsDenied: denied, keepGroups = false, filtered = false }: IdentityFacts,
): Operation[] {
  if (denied && !keepGroups && process.user.additionalGids?.length) {
    throw new NruncError('ERR_CONFIG_INVALID', 'cannot set any additional groups in a rootless container', { field: `${field}/user/additionalGids` })
  }
  const sets: Capabilities = process.capabilities ?? {}
  const at = process.capabilities === undefined ? field : `${field}/capabilities`
  return [
    {
      op: 'dropBounding', field: sets.bounding === undefined ? at : `${at}/bounding`,
      keep: capabilityMask(sets.bounding),
    },
    {
      op: 'setUser', field: `${field}/user`, uid: process.user.uid, gid: process.user.gid,
      groups: process.user.additionalGids ?? [], keepGroups: denied || keepGroups ? 1 : 0,
    },
    {
      op: 'setCapabilities', field: at,
      effective: capabilityMask(sets.effective), permitted: capabilityMask(sets.permitted),
      inheritable: capabilityMask(sets.inheritable), ambient: capabilityMask(sets.ambient),
      // To load a filter takes no_new_privs or this. seccomp(2).
      untilExec: filtered && !process.noNewPrivileges ? capabilityMask(['CAP_SYS_ADMIN']) : 0n,
    },
  ]
}
