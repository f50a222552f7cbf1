/**
 * The `cgroup` mount of config.json as operations of init. Pure. Source: runtime-spec config.md "Mounts",
 * cgroup_namespaces(7).
 *
 * With a cgroup namespace the hierarchies are mounted afresh and show the container's cgroup as their root. Without one
 * a fresh mount would show the whole host, and a user namespace may not make one: the container's own directories are
 * bound instead.
 */
import { posix } from 'node:path'
import { attributes, clearedAttributes, MS, type MountOptions, parseMountOptions } from '../plan/mount-flags.ts'
import { NO_SLOT, type Operation } from '../plan/operations.ts'
import type { Mount } from '../spec/schema.ts'
import { type CgroupHost, type Hierarchy, ownDirectory, type UnifiedHierarchy } from './host.ts'
import type { CgroupLayout } from './layout.ts'

/** What of the container's namespaces matters for its cgroup mount. */
export interface CgroupMountNamespaces {
  /** The container has a cgroup namespace that its user namespace owns: a new one, or any without a user namespace. */
  readonly cgroupNamespace: boolean
}

const hardened = MS.NOSUID | MS.NODEV | MS.NOEXEC

/**
 * The operations for mount INDEX, of type `cgroup` or `cgroup2`. On v1 and hybrid hosts a tmpfs with one mount a v1
 * hierarchy, named as on the host, and links for controllers that share one; as in runc the cgroup2 of a hybrid host is
 * not among them, only a mount of type `cgroup2` gives it. KEEP: slot of the first of them, which is kept open.
 */
export function cgroupMountOperations(
  host: CgroupHost, layout: CgroupLayout, mount: Mount, index: number, namespaces: CgroupMountNamespaces,
  keep: () => number = () => NO_SLOT,
): Operation[] {
  const place: Place = {
    field: `/mounts/${index}`, layout, fresh: namespaces.cgroupNamespace,
    destination: posix.resolve('/', mount.destination), options: parseMountOptions(mount.options ?? []),
  }
  if (host.mode === 'v2' || mount.type === 'cgroup2') return [unifiedMount(place, host.unified)]

  const { field, destination, options } = place
  const { propagation } = options
  return [
    {
      op: 'mount', field, destination, source: 'tmpfs', type: 'tmpfs', flags: hardened, data: 'mode=755', propagation,
      ordinaryDirectory: 0, allowProc: 0, copyUp: 0,
    },
    ...host.hierarchies.flatMap(hierarchy => hierarchyMount(place, hierarchy)),
    ...((options.set & MS.RDONLY) === 0 ? [] : [{
      op: 'remount', field, destination, flags: MS.REMOUNT | MS.BIND | MS.RDONLY | hardened, data: '', mount: keep(), inside: '',
    } as const]),
  ]
}

interface Place {
  readonly field: string
  readonly layout: CgroupLayout
  readonly fresh: boolean
  readonly destination: string
  readonly options: MountOptions
}

function unifiedMount(place: Place, unified: UnifiedHierarchy | undefined): Operation {
  const { field, destination, options } = place
  // The /sys of a rootless container is the host's, whose cgroup2 cannot be mounted on itself (EBUSY). Without a cgroup
  // of its own a fresh mount would show the caller's.
  const own = place.fresh && !place.layout.rootless && !place.layout.disabled
  if (unified !== undefined && !own) return bindOwn(place, destination, unified, place.layout.paths[''], 0)
  return {
    op: 'mount', field, destination, source: 'cgroup', type: 'cgroup2', flags: options.set, data: options.data,
    propagation: options.propagation, ordinaryDirectory: 0, allowProc: 0, copyUp: 0,
  }
}

function hierarchyMount(place: Place, hierarchy: Hierarchy): Operation[] {
  const { field, layout, options } = place
  const name = posix.basename(hierarchy.mountpoint)
  const destination = posix.join(place.destination, name)
  const first: Operation = place.fresh && !place.layout.disabled
    ? {
        op: 'mount', field, destination, source: 'cgroup', type: 'cgroup', flags: options.set | hardened,
        data: hierarchy.controllers.join(','), propagation: options.propagation, ordinaryDirectory: 0, allowProc: 0,
        copyUp: 0,
      }
    : bindOwn(place, destination, hierarchy, layout.paths[hierarchy.controllers[0] ?? ''], hardened)
  const links = hierarchy.controllers.length === 1 ? [] : hierarchy.controllers.filter(one => one !== name)
  return [
    first,
    ...links.map((controller): Operation =>
      ({ op: 'makeSymlink', field, path: posix.join(place.destination, controller), target: name, replace: 0 })),
  ]
}

/**
 * A container that got no cgroup in the hierarchy is in the caller's own: it may look at that one, but a writable mount
 * would give it the caller's limits and processes (CVE-2023-25809).
 */
function bindOwn(
  place: Place, destination: string, hierarchy: Hierarchy, path: string | undefined, flags: number,
): Operation {
  const { field, options } = place
  const readonly = path === undefined ? MS.RDONLY : 0
  return {
    op: 'bindMount', field, destination, source: path ?? ownDirectory(hierarchy), tree: NO_SLOT, recursive: 0,
    set: attributes(options.set | flags | readonly), clear: clearedAttributes(options) & ~attributes(readonly),
    recursiveSet: options.recursiveSet, recursiveClear: options.recursiveClear,
    propagation: options.propagation, allowProc: 0,
  }
}
