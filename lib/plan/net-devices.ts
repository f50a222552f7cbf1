/** `linux.netDevices`. Source: runtime-spec config-linux.md "Network Devices". */
import { NruncError } from '../errors.ts'
import { findNamespace } from '../spec/namespaces.ts'
import { pointer } from '../spec/pointer.ts'
import type { Spec } from '../spec/schema.ts'
import type { HostFacts } from './context.ts'
import { namespaceFlags, type NamespacePlan } from './namespaces.ts'
import type { Operation } from './operations.ts'

/** @throws NruncError ERR_CONFIG_INVALID for who may not move any */
export function planNetDevices(spec: Spec, host: HostFacts, namespaces: NamespacePlan): Operation[] {
  const devices = Object.entries(spec.linux?.netDevices ?? {})
  if (devices.length > 0 && host.uid !== 0) {
    throw new NruncError('ERR_CONFIG_INVALID', 'network devices are not supported for rootless containers', { field: '/linux/netDevices' })
  }
  // The host moves them to where init is after the clone: that must be the container's network by then.
  if (devices.length > 0 && namespaces.isNew('network') && (namespaces.flags & namespaceFlags.network) === 0) {
    throw new NruncError('ERR_CONFIG_INVALID', 'network devices are not supported where a new network namespace belongs to a user namespace that is joined, or made beside joined ones', { field: '/linux/netDevices' })
  }
  const path = findNamespace(spec, 'network')?.path ?? ''
  return devices.map(([device, { name = '' }]): Operation =>
    ({ op: 'moveNetDevice', field: pointer('linux', 'netDevices', device), device, name, path }))
}
