/**
 * Reads what this host offers. The only reader of /proc/self/mountinfo and /proc/self/cgroup.
 */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { baseDirectory, type CgroupHost, type Hierarchy, ownDirectory, parseCgroupHost } from './host.ts'
import type { HasFile } from './limit.ts'
import { orElse } from '../native/refused.ts'

/**
 * Detect the hierarchies of this host; cgroups(7). A file that is not there counts as empty. What only a rootless
 * caller wants to know is looked up when it is asked for.
 *
 * @throws NruncError ERR_HOST where this process cannot look: a container without its limits must not come of that
 */
export function detectCgroups(): CgroupHost {
  const { mode, hierarchies, unified } = parseCgroupHost(read('/proc/self/mountinfo'), read('/proc/self/cgroup'))
  return {
    mode,
    hierarchies: hierarchies.map(one => ({ ...one, get writable() { return mayCreateIn(baseDirectory(one, 1), 'tasks') } })),
    unified: unified && {
      ...unified,
      controllers: controllersOf(unified.mountpoint),
      get delegated() { return controllersOf(baseDirectory(unified, 2)) },
      get writable() { return mayCreateIn(baseDirectory(unified, 2), 'cgroup.procs') },
    },
  }
}

let detected: CgroupHost | undefined

/** {@link detectCgroups}, once a process. */
export function cgroupHost(): CgroupHost {
  return detected ??= detectCgroups()
}

/**
 * Which interface files this kernel has, seen in a cgroup that exists already: the answer is undefined where there is
 * none to look at. Most files are missing in a hierarchy's root, so the caller's own cgroup or any below the root is
 * used.
 */
export function cgroupFiles(host: CgroupHost): HasFile {
  return (controller, file) => {
    const hierarchy = host.hierarchies.find(({ controllers }) => controllers.includes(controller)) ?? host.unified
    if (hierarchy === undefined) return undefined
    const example = exampleOf(hierarchy)
    if (example === undefined) return undefined
    if (hierarchy === host.unified && !controllersOf(example).includes(controller)) return undefined
    return existsSync(`${example}/${file}`)
  }
}

function exampleOf(hierarchy: Hierarchy): string | undefined {
  const own = ownDirectory(hierarchy)
  if (own !== hierarchy.mountpoint) return own
  const child = orElse(undefined, () => readdirSync(own, { withFileTypes: true }).find(entry => entry.isDirectory()))
  return child && posix.join(own, child.name)
}

const controllersOf = (directory: string): string[] =>
  read(`${directory}/cgroup.controllers`).split(/\s+/).filter(Boolean)

const read = (path: string): string => orElse('', () => readFileSync(path, 'utf8'))

/** Moving a process also takes write access to the file `join` of the common ancestor; cgroups(7). */
const mayCreateIn = (directory: string, join: string): boolean => orElse(false, () => {
  accessSync(directory, constants.W_OK)
  accessSync(`${directory}/${join}`, constants.W_OK)
  return true
})
