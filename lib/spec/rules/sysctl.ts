/** Which sysctls a container may set: only those of a namespace of its own. Source: runc's validator, sysctl(8). */
import { findNamespace } from '../namespaces.ts'
import { pointer } from '../pointer.ts'
import { dottedSysctl, sysctlPath } from '../sysctl.ts'
import { quote } from './rule.ts'
import type { Report } from './rule.ts'
import type { Spec } from '../schema.ts'

const ofIpc = new Set([
  'kernel.msgmax', 'kernel.msgmnb', 'kernel.msgmni', 'kernel.sem', 'kernel.shmall', 'kernel.shmmax', 'kernel.shmmni',
  'kernel.shm_rmid_forced',
])

/** A joined network namespace may still turn out to be the host's: that takes a stat(2), and is checked later. */
export function sysctl(spec: Spec, report: Report): void {
  for (const key of Object.keys(spec.linux?.sysctl ?? {})) {
    const message = refusal(spec, key)
    if (message !== undefined) report(pointer('linux', 'sysctl', key), message)
  }
}

function refusal(spec: Spec, key: string): string | undefined {
  const name = dottedSysctl(key)
  const has = (type: Parameters<typeof findNamespace>[1]) => findNamespace(spec, type) !== undefined
  // "net/../kernel/core_pattern" passes for a network sysctl and is none.
  if (sysctlPath(key).split('/').some((part) => part === '' || part === '.' || part === '..')) {
    return `invalid sysctl name ${quote(key)}`
  }
  if (ofIpc.has(name) || name.startsWith('fs.mqueue.')) {
    return has('ipc') ? undefined : `sysctl ${quote(name)} is not allowed in the hosts ipc namespace`
  }
  if (name.startsWith('net.')) {
    return has('network') ? undefined : `sysctl ${quote(name)} not allowed in host network namespace`
  }
  if (name.startsWith('user.')) {
    return has('user') ? undefined : `sysctl ${quote(name)} is not allowed in the hosts user namespace`
  }
  if (has('uts') && name === 'kernel.domainname') return undefined
  if (has('uts') && name === 'kernel.hostname') {
    return `sysctl ${quote(name)} is not allowed as it conflicts with the OCI "hostname" field`
  }
  return `sysctl ${quote(name)} is not in a separate kernel namespace`
}
