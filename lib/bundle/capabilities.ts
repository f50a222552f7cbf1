/**
 * Capabilities of a config that this kernel, or this version of nrunc, does not have.
 */
import { readFileSync } from 'node:fs'
import { capabilityNames } from '../spec/names.ts'
import type { ProcessSpec } from '../spec/schema.ts'

/** CAP_AUDIT_READ of Linux 3.16: every kernel that can run nrunc has those up to it. */
const ALWAYS_THERE = 37

let last: number | undefined

/** Number of the kernel's last capability. capabilities(7). */
function lastCapability(): number {
  return last ??= Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'latin1'))
}

/** Names, each once, of what cannot be given: unknown, or newer than the kernel, whose last one is KERNELSLAST. */
export function unavailableCapabilities(process: Pick<ProcessSpec, 'capabilities'>, kernelsLast?: number): string[] {
  const { bounding, effective, permitted, inheritable, ambient } = process.capabilities ?? {}
  const names = [bounding, effective, permitted, inheritable, ambient].flatMap((set) => set ?? [])
  return [...new Set(names)].filter((name) => {
    const number = capabilityNames.indexOf(name as never)
    return number < 0 || (number > ALWAYS_THERE && number > (kernelsLast ?? lastCapability()))
  })
}

/** runc runs a container without them, and warns. So does this, in the form of a warning of Node's. */
export function warnOfCapabilities(process_: Pick<ProcessSpec, 'capabilities'>): void {
  const names = unavailableCapabilities(process_)
  if (names.length > 0) process.emitWarning(`ignoring unknown or unavailable capabilities: [${names.join(' ')}]`, { code: 'NRUNC_CAPABILITIES' })
}
