/**
 * `linux.namespaces`, id mappings, hostname and domainname. Source: runtime-spec config-linux.md "Namespaces",
 * namespaces(7), clone(2), user_namespaces(7).
 */
import type { IdMapping, Namespace, NamespaceType, Spec } from '../spec/schema.ts'
import { pointer } from '../spec/pointer.ts'
import type { HostFacts } from './context.ts'
import type { Operation } from './operations.ts'

/** CLONE_NEW* by the name of config.json; clone(2). */
export const namespaceFlags: Readonly<Record<NamespaceType, number>> = {
  time: 0x80, mount: 0x20000, cgroup: 0x2000000, uts: 0x4000000, ipc: 0x8000000, user: 0x10000000, pid: 0x20000000,
  network: 0x40000000,
}

/** Name of the namespace's file in /proc/PID/ns; namespaces(7). */
export const namespaceFiles: Readonly<Record<NamespaceType, string>> = {
  time: 'time', mount: 'mnt', cgroup: 'cgroup', uts: 'uts', ipc: 'ipc', user: 'user', pid: 'pid', network: 'net',
}

const joinOrder: readonly NamespaceType[] = ['ipc', 'uts', 'network', 'pid', 'cgroup', 'time', 'mount']

/**
 * The order in which namespaces are joined. For an ordinary user the user namespace gives the right to join the others.
 * For root it takes that right away: those that it does not own, as the host's, come before.
 */
export const joinOrderOf = ({ uid }: HostFacts): readonly NamespaceType[] =>
  (uid === 0 ? [...joinOrder, 'user'] : ['user', ...joinOrder])

export interface NamespacePlan {
  /** Opens the namespaces that are joined, before the clone. */
  readonly open: Operation[]
  /** CLONE_NEW* for the clone. */
  readonly flags: number
  readonly mapIds: Operation[]
  /** For init, right after it has joined its cgroups. */
  readonly enter: Operation[]
  /** A new or joined namespace of this type. */
  has(type: NamespaceType): boolean
  /** A namespace made for this container. */
  isNew(type: NamespaceType): boolean
  /** The network namespace was made ahead, with its loopback interface up. */
  readonly networkAhead: boolean
}

/**
 * New namespaces come with the clone, but for some: the cgroup namespace, whose root is the cgroup that its maker is in;
 * the time namespace, which only children of its maker are in, and with it the pid namespace, whose first process that
 * child has to be; a user namespace that would take away the right to join others; and those that a user namespace that
 * is not there yet at the clone has to own. A network namespace that was made ahead, in the slot NETWORK, is entered.
 */
export function planNamespaces(spec: Spec, host: HostFacts, firstSlot: number, network?: number): NamespacePlan {
  const list = (spec.linux?.namespaces ?? []).map((namespace, index) => ({ ...namespace, index }))
  const joined = joinOrderOf(host).flatMap((type) => list.filter((one) => one.type === type && isJoined(one)))
  const made = list.filter((one) => !isJoined(one))
  const time = made.find(({ type }) => type === 'time')
  const user = list.find(({ type }) => type === 'user')
  const later = madeLater(list)
  const ahead = network === undefined ? undefined : made.find(({ type }) => type === 'network')
  const flags = flagsOf(made.filter((one) => one !== ahead && !later.includes(one)))
  const field = (index: number) => pointer('linux', 'namespaces', index)

  const open = joined.map(({ path, type, index }): Operation =>
    ({ op: 'openDescriptor', field: pointer('linux', 'namespaces', index, 'path'), path: path!, flags: 0, type: namespaceFlags[type] }))
  const enter: Operation[] = joined.map(({ path, type, index }, at) =>
    ({ op: 'enterNamespace', field: pointer('linux', 'namespaces', index, 'path'), descriptor: firstSlot + at, flags: namespaceFlags[type], path: path! }))
  if (ahead !== undefined) {
    enter.push({ op: 'enterNamespace', field: field(ahead.index), descriptor: network!, flags: namespaceFlags.network, path: 'network' })
  }
  const offsets = time === undefined ? '' : offsetsText(spec)
  if (offsets !== '') enter.unshift({ op: 'openTimeOffsets', field: '/linux/timeOffsets' })
  if (user !== undefined && later.includes(user)) {
    const { uidMappings = [], gidMappings = [] } = spec.linux ?? {}
    const [uidMap, gidMap] = [mapText(uidMappings), mapText(gidMappings)]
    enter.push({ op: 'newUserNamespace', field: field(user.index), uidMap, gidMap })
  }
  if (user !== undefined) enter.push({ op: 'becomeRoot', field: field(user.index) })
  for (const { type, index } of later.filter((one) => one !== user)) {
    enter.push({ op: 'unshare', field: field(index), flags: namespaceFlags[type] })
  }
  if (offsets !== '') enter.push({ op: 'setTimeOffsets', field: '/linux/timeOffsets', offsets })
  const pid = list.find(({ type }) => type === 'pid')
  const forked = pid !== undefined && (isJoined(pid) || later.includes(pid)) ? pid : time
  if (forked !== undefined) enter.push({ op: 'fork', field: field(forked.index) })

  return {
    open, flags, enter,
    mapIds: flags & namespaceFlags.user ? [mapIds(spec, host)] : [],
    has: (type) => list.some((one) => one.type === type),
    isNew: (type) => made.some((one) => one.type === type),
    networkAhead: ahead !== undefined,
  }
}

/** Those that do not come with the clone. */
function madeLater<T extends Namespace>(list: readonly T[]): readonly T[] {
  const laterUser = list.some(({ type }) => type === 'user') && list.some(isJoined)
  const time = list.some((one) => one.type === 'time' && !isJoined(one))
  return list.filter((one) => !isJoined(one) &&
    (laterUser || one.type === 'cgroup' || one.type === 'time' || (one.type === 'pid' && time)))
}

const flagsOf = (list: readonly Namespace[]): number => list.reduce((all, { type }) => all | namespaceFlags[type], 0)

/** CLONE_NEW* of the clone in the plan of a config, before there is one; without a network namespace made ahead. */
export function cloneFlags({ linux }: Spec): number {
  const list = linux?.namespaces ?? []
  const later = madeLater(list)
  return flagsOf(list.filter((one) => !isJoined(one) && !later.includes(one)))
}

/**
 * Whether a network namespace that was made ahead can take the place of the one that the container would get: it is the
 * host's user namespace that owns it, and nothing is done with it before init has entered it.
 */
export function takesNetworkAhead({ linux }: Spec, { uid }: HostFacts): boolean {
  const list = linux?.namespaces ?? []
  return uid === 0 && list.some((one) => one.type === 'network' && !isJoined(one)) && !list.some(({ type }) => type === 'user') &&
    Object.keys(linux?.netDevices ?? {}).length === 0
}

const isJoined = (namespace: Namespace): boolean => (namespace.path ?? '') !== ''

/** The lines of /proc/PID/timens_offsets; time_namespaces(7). An offset of nothing needs no line. */
function offsetsText(spec: Spec): string {
  const { monotonic, boottime } = spec.linux?.timeOffsets ?? {}
  return Object.entries({ monotonic, boottime })
    .filter(([, offset]) => offset !== undefined)
    .map(([clock, offset]) => `${clock} ${offset!.secs ?? 0} ${offset!.nanosecs ?? 0}\n`).join('')
}

/** The lines of /proc/PID/uid_map; user_namespaces(7). */
export const mapText = (mappings: readonly IdMapping[]): string =>
  mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('')

/** Root writes the maps; others may map only themselves, and need the helpers for more. */
function mapIds(spec: Spec, host: HostFacts): Operation {
  const uids = spec.linux?.uidMappings ?? []
  const gids = spec.linux?.gidMappings ?? []
  const own = (mappings: readonly IdMapping[], id: number): boolean =>
    host.uid === 0 || (mappings.length === 1 && mappings[0]!.size === 1 && mappings[0]!.hostID === id)
  return {
    op: 'mapIds', field: '/linux/uidMappings', uidMap: mapText(uids), gidMap: mapText(gids),
    denySetgroups: host.uid !== 0 && own(gids, host.gid) ? 1 : 0,
    uidHelper: own(uids, host.uid) ? '' : host.uidHelper ?? 'newuidmap',
    gidHelper: own(gids, host.gid) ? '' : host.gidHelper ?? 'newgidmap',
  }
}

/** Names of the uts namespace, and the loopback interface of a new network namespace. */
export function planNames(spec: Spec, namespaces: NamespacePlan): Operation[] {
  const list: Operation[] = []
  if (spec.hostname) list.push({ op: 'setHostname', field: '/hostname', name: spec.hostname })
  if (spec.domainname) list.push({ op: 'setDomainname', field: '/domainname', name: spec.domainname })
  if (namespaces.isNew('network') && !namespaces.networkAhead) {
    const index = spec.linux!.namespaces!.findIndex(({ type }) => type === 'network')
    list.push({ op: 'loopbackUp', field: pointer('linux', 'namespaces', index) })
  }
  return list
}
