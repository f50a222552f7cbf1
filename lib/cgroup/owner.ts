/**
 * To whom the cgroup of a container is handed over. Pure. Source: runtime-spec config-linux.md "Cgroup ownership".
 */
import { posix } from 'node:path'
import { MS, parseMountOptions } from '../plan/mount-flags.ts'
import { findNamespace, isNewNamespace } from '../spec/namespaces.ts'
import type { Mount, ProcessSpec, Spec } from '../spec/schema.ts'

/**
 * The host's uid of PROCESS where it is to own the container's cgroup: it sees that cgroup as the root of a cgroup
 * namespace of its own, and has it mounted read-write. Undefined where nothing is to be handed over, also for uid 0 of
 * the host, whose it is anyway.
 */
export function cgroupOwner(spec: Spec, { user }: ProcessSpec): number | undefined {
  if (!isNewNamespace(spec, 'cgroup') || !spec.mounts?.some(isWritableCgroup)) return undefined
  const uid = findNamespace(spec, 'user') === undefined ? user.uid : mapped(spec, user.uid)
  return uid === 0 ? undefined : uid
}

const isWritableCgroup = ({ type = '', destination, options = [] }: Mount): boolean =>
  (type === 'cgroup' || type === 'cgroup2') && posix.resolve('/', destination) === '/sys/fs/cgroup'
  && (parseMountOptions(options).set & MS.RDONLY) === 0

function mapped(spec: Spec, uid: number): number | undefined {
  const range = spec.linux?.uidMappings?.find(({ containerID, size }) => uid >= containerID && uid < containerID + size)
  return range && range.hostID + uid - range.containerID
}
