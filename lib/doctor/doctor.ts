/**
 * What this host can do and what it cannot, why, and what to change.
 */
import { cgroupChecks } from './cgroup.ts'
import type { Check, Look } from './check.ts'
import { gather } from './gather.ts'
import { kernelChecks } from './kernel.ts'
import { nruncChecks, securityChecks, toolChecks } from './system.ts'
import { userChecks } from './user.ts'

/** @internal All checks, of a host that was looked at. */
export const diagnose = (look: Look): Check[] => [
  ...nruncChecks(look), ...kernelChecks(look), ...cgroupChecks(look), ...userChecks(look), ...securityChecks(look), ...toolChecks(look),
]

/**
 * Look at this host with the caller's eyes. Nothing is changed and no privilege is needed; it never rejects.
 *
 * @example
 * const missing = (await doctor()).filter(({ needed, status }) => needed && status === 'missing')
 */
export const doctor = async (): Promise<Check[]> => diagnose(await gather())
