/**
 * /proc/PID/mountinfo: parsing, and which of its mounts a path still leads to.
 */

/** One line of mountinfo; proc_pid_mountinfo(5). */
export interface MountInfo {
  readonly id: number
  readonly parent: number
  /** The directory of the file system that is the root of this mount. */
  readonly root: string
  readonly mountpoint: string
  readonly type: string
  /** Options of the superblock; a v1 cgroup mount names its controllers here. */
  readonly superOptions: readonly string[]
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
const unescape = (path: string): string =>
  path.includes('\\') ? path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8))) : path

/** Parse the text of a mountinfo file; proc_pid_mountinfo(5). Lines that do not have its form are left out. */
export function parseMountInfo(text: string): MountInfo[] {
  const mounts: MountInfo[] = []
  for (const line of text.split('\n')) {
    const [head, tail] = line.split(' - ', 2)
    const [id, parent, , root, mountpoint] = (head ?? '').split(' ')
    const [type, , superOptions] = (tail ?? '').split(' ')
    if (root === undefined || mountpoint === undefined || type === undefined || superOptions === undefined) continue
    mounts.push({
      id: Number(id), parent: Number(parent), root: unescape(root), mountpoint: unescape(mountpoint), type,
      superOptions: superOptions.split(','),
    })
  }
  return mounts
}

const placeKey = (parent: number, mountpoint: string): string => `${parent} ${mountpoint}`

/**
 * The mounts of one of TYPES that a lookup of their own mount point ends in. The others are covered by a mount on the same
 * directory or on one above it, so their files cannot be reached by name.
 */
export function reachableMounts(mounts: readonly MountInfo[], types: readonly string[]): MountInfo[] {
  const known = new Set(mounts.map(mount => mount.id))
  const places = new Map<string, MountInfo>()
  for (const mount of mounts) {
    const outermost = !known.has(mount.parent) || mount.parent === mount.id
    places.set(placeKey(outermost ? 0 : mount.parent, mount.mountpoint), mount)
  }
  return mounts.filter(mount => types.includes(mount.type) && lookUp(places, mount.mountpoint) === mount)
}

/** A file that was read in pieces, while ids were given away again, may have mounts that are on each other: no step is taken twice. */
function lookUp(places: ReadonlyMap<string, MountInfo>, path: string): MountInfo | undefined {
  const passed = new Set<MountInfo>()
  let current: MountInfo | undefined
  let prefix = ''
  for (const part of path === '/' ? [''] : path.split('/')) {
    prefix = prefix === '/' ? `/${part}` : `${prefix}/${part}`
    for (let next = places.get(placeKey(current?.id ?? 0, prefix)); next !== undefined && !passed.has(next);) {
      current = next
      passed.add(current)
      next = places.get(placeKey(current.id, prefix))
    }
  }
  return current
}
