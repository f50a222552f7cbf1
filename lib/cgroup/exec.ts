/**
 * Which cgroups a process that is added to a container joins. Source: runc's `exec --cgroup`, cgroups(7).
 */
import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { NruncError } from '../errors.ts'
import { orElse } from '../native/refused.ts'
import { ownDirectory, type UnifiedHierarchy } from './host.ts'
import type { CgroupPaths } from './layout.ts'

const invalid = (message: string, operand: string): NruncError => new NruncError('ERR_OPTION_INVALID', message, { operand })

/** DIRECTORY or one below it. */
function below(directory: string, path: string): string {
  const wanted = posix.join(directory, path)
  if (wanted === directory || wanted === `${directory}/` || wanted.startsWith(`${directory}/`)) return wanted.replace(/\/$/, '')
  throw invalid(`${path} is not a sub cgroup path`, path)
}

/**
 * The container's `cgroup_paths`, changed by what the caller wants: one path below all of them, or one by controller.
 *
 * @throws NruncError ERR_OPTION_INVALID for a path that leads out of the container's cgroup, and for a controller in
 * which the container has none
 */
export function subCgroups(paths: CgroupPaths, wanted: string | Readonly<Record<string, string>>): CgroupPaths {
  if (typeof wanted === 'string') {
    return Object.fromEntries(Object.entries(paths).map(([controller, directory]) => [controller, below(directory, wanted)]))
  }
  const changed = Object.entries(wanted).map(([controller, path]) => {
    const directory = Object.hasOwn(paths, controller) ? paths[controller] : undefined
    if (directory === undefined || controller === '') throw invalid(`unknown controller ${controller} in SubCgroupPaths`, controller)
    return [controller, below(directory, path)] as const
  })
  return { ...paths, ...Object.fromEntries(changed) }
}

/**
 * On v2 a container that has made cgroups of its own and gives them controllers has no process left in the top one, and
 * none may enter it (cgroups(7), "no internal processes"): a new process goes where init is.
 */
export function joinableCgroups(paths: CgroupPaths, pid: number, findUnified: () => UnifiedHierarchy | undefined): CgroupPaths {
  const top = paths['']
  if (top === undefined || read(`${top}/cgroup.subtree_control`).trim() === '') return paths
  const own = /^0::(.*)$/m.exec(read(`/proc/${pid}/cgroup`))?.[1]
  const unified = findUnified()
  const directory = own === undefined || unified === undefined ? top : ownDirectory({ ...unified, own })
  // Where somebody has moved init is no place for what is added: it is limited, and killed, with the container.
  return directory.startsWith(`${top}/`) ? { ...paths, '': directory } : paths
}

const read = (path: string): string => orElse('', () => readFileSync(path, 'utf8'))
