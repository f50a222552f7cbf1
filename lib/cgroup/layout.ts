/**
 * Where the cgroups of a container are. Pure. Source: runtime-spec config-linux.md "Cgroups path".
 */
import { posix } from 'node:path'
import { NruncError } from '../errors.ts'
import type { Manager } from '../dbus/address.ts'
import type { Resources } from '../spec/schema.ts'
import { baseDirectory, type CgroupHost, type Hierarchy } from './host.ts'
import { invalid } from './limit.ts'
import { deviceVersion, selectLimits } from './select.ts'
import type { ScopeName } from './systemd/unit.ts'

/** What the layout depends on. */
export interface CgroupRequest {
  readonly id: string
  /** `linux.cgroupsPath`. */
  readonly cgroupsPath?: string | undefined
  /** `linux.resources`. */
  readonly resources?: Resources | undefined
  /** The caller is not root of the host: it may not enforce device rules, and may have no cgroup to write to. */
  readonly rootless: boolean
}

/** One cgroup of the container. */
export interface CgroupDirectory {
  readonly version: 1 | 2
  readonly controllers: readonly string[]
  /** Where what is missing on the way to `path` begins: the mount point, or the caller's own place when rootless. */
  readonly root: string
  readonly path: string
}

/** libcontainer's `cgroup_paths`: directory by controller on v1, with the key `""` for the cgroup2 directory. */
export type CgroupPaths = Readonly<Record<string, string>>

/** All cgroups of a container. */
export interface CgroupLayout {
  readonly directories: readonly CgroupDirectory[]
  readonly paths: CgroupPaths
  /** JSON pointer of what named the cgroup, `""` when the default was taken. */
  readonly field: string
  readonly rootless: boolean
  /** What systemd makes the cgroup for; absent with other drivers. */
  readonly scope?: Scope | undefined
  /** The container has no cgroup because none was wanted. */
  readonly disabled?: true | undefined
}

/** A transient scope and who runs it. */
export interface Scope extends ScopeName {
  readonly manager: Manager
}

/**
 * Find the container's directory in every hierarchy. An absolute path is below the mount point, a relative one below
 * the caller's own cgroup; the default is `/nrunc/ID`, or `nrunc-ID` when rootless. All v1 hierarchies are used, the
 * unified one of a hybrid host only for what lives there. A rootless caller without a cgroupsPath gets no cgroup where
 * it may not make one.
 *
 * @throws NruncError ERR_CONFIG_INVALID for a cgroupsPath in systemd's form or one that names no cgroup of its own;
 * ERR_CGROUP where the host has no cgroups, or no way to enforce device rules
 */
export function layoutCgroup(host: CgroupHost, request: CgroupRequest): CgroupLayout {
  const { cgroupsPath = '', rootless } = request
  const named = cgroupsPath !== ''
  const path = named ? cleanCgroupsPath(cgroupsPath) : rootless ? `nrunc-${request.id}` : `/nrunc/${request.id}`
  if (!rootless) requireDevices(host)

  const directories: CgroupDirectory[] = []
  const add = (hierarchy: Hierarchy, version: 1 | 2, controllers: readonly string[]): void => {
    if (rootless && !named && !hierarchy.writable) return
    const base = baseDirectory(hierarchy, version)
    directories.push({
      version, controllers,
      root: rootless && !path.startsWith('/') ? base : hierarchy.mountpoint,
      path: posix.join(path.startsWith('/') ? hierarchy.mountpoint : base, path),
    })
  }
  for (const hierarchy of host.hierarchies) add(hierarchy, 1, hierarchy.controllers)
  if (host.unified !== undefined && needsUnified(host, request)) {
    add(host.unified, 2, rootless && !path.startsWith('/') ? host.unified.delegated : host.unified.controllers)
  }

  const paths: Record<string, string> = {}
  for (const directory of directories) {
    for (const key of directory.version === 2 ? [''] : directory.controllers) paths[key] = directory.path
  }
  return { directories, paths, field: named ? '/linux/cgroupsPath' : '', rootless }
}

/**
 * No cgroup of its own: the container stays in the caller's. No limit can be set, and no device rule is enforced.
 */
export const layoutNothing = (rootless: boolean): CgroupLayout => ({ directories: [], paths: {}, field: '', rootless, disabled: true })

/** `..` cannot lead out, and the cgroup has to be one that the container does not share with the rest of the host. */
function cleanCgroupsPath(path: string): string {
  const field = '/linux/cgroupsPath'
  if (/^[^/:]*:[^/:]*:[^/:]*$/.test(path)) {
    throw invalid(field,
      `cgroupsPath ${JSON.stringify(path)} is of the format "slice:prefix:name", which needs --systemd-cgroup`)
  }
  const inside = posix.normalize(`/${path}`).replace(/\/$/, '')
  if (inside === '') throw invalid(field, `cgroupsPath ${JSON.stringify(path)} does not name a cgroup of its own`)
  return path.startsWith('/') ? inside : inside.slice(1)
}

function requireDevices(host: CgroupHost): void {
  if (host.mode === 'none') throw new NruncError('ERR_CGROUP', 'cgroup mountpoint does not exist')
  if (deviceVersion(host) === undefined) throw new NruncError('ERR_CGROUP', 'mountpoint for devices not found')
}

function needsUnified(host: CgroupHost, { resources = {}, rootless }: CgroupRequest): boolean {
  if (host.mode === 'v2') return true
  if (!rootless && deviceVersion(host) === 2) return true
  return selectLimits(host, resources, () => undefined).some(({ version }) => version === 2)
}
