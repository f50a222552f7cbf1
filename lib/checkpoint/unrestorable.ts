/**
 * Configs and options that a restore could not honour. Pure.
 */
import { NruncError } from '../errors.ts'
import { pointer } from '../spec/pointer.ts'
import type { Spec } from '../spec/schema.ts'
import type { RestoreOptions } from './options.ts'

/**
 * criu makes the mounts, processes and namespaces; what nrunc itself would have to do at other places of that is refused.
 *
 * @throws NruncError ERR_CONFIG_UNSUPPORTED
 */
export function refuseUnrestorable({ linux = {}, mounts = [] }: Spec): void {
  const mapped = mounts.findIndex(({ uidMappings }) => (uidMappings?.length ?? 0) > 0)
  const field = linux.intelRdt !== undefined ? '/linux/intelRdt'
    : Object.keys(linux.netDevices ?? {}).length > 0 ? '/linux/netDevices'
    : mapped >= 0 ? pointer('mounts', mapped, 'uidMappings') : undefined
  if (field !== undefined) throw new NruncError('ERR_CONFIG_UNSUPPORTED', `${field} cannot be restored`, { field })
}

/** Before, it had a fault that kept it from another profile, as runc says. */
const sinceLsm = 31600

/** @throws NruncError ERR_CRIU */
export function requireLsm({ lsmProfile, lsmMountContext }: RestoreOptions, version: number): void {
  const flag = lsmProfile ? '--lsm-profile' : lsmMountContext ? '--lsm-mount-context' : undefined
  if (flag === undefined || version >= sinceLsm) return
  throw new NruncError('ERR_CRIU', `${flag} requires at least criu 3.16`, { operand: String(version) })
}
