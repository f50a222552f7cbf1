/**
 * What the host offers: which cgroup hierarchies are mounted where, and where the caller is in them. Pure; the files
 * are read by `detect.ts`.
 */
import { posix } from 'node:path'
import { type MountInfo, parseMountInfo, reachableMounts } from './mountinfo.ts'

/** One mounted cgroup hierarchy; cgroups(7). */
export interface Hierarchy {
  /** What it controls: `['cpu', 'cpuacct']`, `['name=systemd']`; on v2 what its root can delegate. */
  readonly controllers: readonly string[]
  readonly mountpoint: string
  /** The cgroup that is visible at the mount point; `/` unless the caller is inside a container. */
  readonly root: string
  /** The caller's own cgroup, as /proc/self/cgroup names it. */
  readonly own: string
  /** Whether the caller may make a cgroup where relative paths begin ({@link baseDirectory}) and join it. */
  readonly writable: boolean
}

/** The cgroup2 hierarchy. */
export interface UnifiedHierarchy extends Hierarchy {
  /** Content of `cgroup.controllers` where relative paths begin ({@link baseDirectory}). */
  readonly delegated: readonly string[]
}

/** All hierarchies of the host. */
export interface CgroupHost {
  /** `hybrid` is v1 with a cgroup2 beside it; `none` means that no hierarchy is mounted. */
  readonly mode: 'v1' | 'hybrid' | 'v2' | 'none'
  /** The v1 hierarchies; empty on v2. */
  readonly hierarchies: readonly Hierarchy[]
  readonly unified?: UnifiedHierarchy | undefined
}

const standard = '/sys/fs/cgroup'

/**
 * Describe the hierarchies from the texts of /proc/self/mountinfo and /proc/self/cgroup; cgroups(7). A cgroup2 on
 * /sys/fs/cgroup makes the host v2, whatever v1 hierarchy somebody mounted elsewhere. `controllers` and `delegated` of
 * the unified hierarchy are empty and nothing is `writable`: these are in other files.
 */
export function parseCgroupHost(mountinfo: string, cgroup: string): CgroupHost {
  const mounts = reachableMounts(parseMountInfo(mountinfo), ['cgroup', 'cgroup2'])
  const hierarchies: Hierarchy[] = []
  let unified: UnifiedHierarchy | undefined
  for (const line of cgroup.split('\n')) {
    const [, id, names, own] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? []
    if (id === undefined || names === undefined || own === undefined) continue
    const controllers = names === '' ? [] : names.split(',')
    const mount = controllers.length === 0
      ? choose(mounts.filter(({ type }) => type === 'cgroup2'), [standard, `${standard}/unified`])
      : choose(mounts.filter(mount => isV1Of(mount, controllers)), [])
    if (mount === undefined) continue
    const found = { controllers, mountpoint: mount.mountpoint, root: mount.root, own, writable: false }
    if (controllers.length === 0) unified = { ...found, delegated: [] }
    else hierarchies.push(found)
  }
  hierarchies.reverse()
  if (unified?.mountpoint === standard) return { mode: 'v2', hierarchies: [], unified }
  if (hierarchies.length > 0) return { mode: unified === undefined ? 'v1' : 'hybrid', hierarchies, unified }
  return { mode: unified === undefined ? 'none' : 'v2', hierarchies, unified }
}

const isV1Of = ({ type, superOptions }: MountInfo, controllers: readonly string[]): boolean =>
  type === 'cgroup' && controllers.every(name => superOptions.includes(name))

function choose(mounts: readonly MountInfo[], preferred: readonly string[]): MountInfo | undefined {
  return mounts.find(({ mountpoint }) => preferred.includes(mountpoint))
    ?? mounts.find(({ mountpoint }) => mountpoint.startsWith(`${standard}/`))
    ?? mounts[0]
}

/**
 * The caller's own cgroup as a directory. Where it lies outside of what is mounted (a cgroup namespace of another
 * container), the mount point.
 */
export function ownDirectory({ mountpoint, root, own }: Hierarchy): string {
  if (own === '/' || leadsOut(own) || leadsOut(root)) return mountpoint
  if (root === '/') return posix.join(mountpoint, own)
  return own.startsWith(`${root}/`) ? posix.join(mountpoint, own.slice(root.length)) : mountpoint
}

/** From a cgroup namespace, of what is outside; a name may begin with two dots. */
const leadsOut = (path: string): boolean => path.split('/').includes('..')

/**
 * The directory below which a relative cgroupsPath lies: the caller's own cgroup on v1. On v2 the one above it, because
 * a cgroup that holds processes cannot delegate controllers (cgroups(7), "no internal processes").
 */
export function baseDirectory(hierarchy: Hierarchy, version: 1 | 2): string {
  const own = ownDirectory(hierarchy)
  return version === 2 && own !== hierarchy.mountpoint ? posix.dirname(own) : own
}
