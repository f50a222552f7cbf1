/**
 * Where the cgroup of a scope is. Pure.
 */
import { posix } from 'node:path'
import type { Manager } from '../../dbus/address.ts'
import { NruncError } from '../../errors.ts'
import type { CgroupHost } from '../host.ts'
import type { CgroupLayout } from '../layout.ts'
import { scopeName, slicePath } from './unit.ts'

/** What the layout depends on. */
export interface ScopeRequest {
  readonly id: string
  /** `linux.cgroupsPath`: `slice:prefix:name`. */
  readonly cgroupsPath?: string | undefined
  readonly manager: Manager
  /** The manager's own cgroup below the mount point; empty for the hierarchy's root. */
  readonly controlGroup: string
  /** The controllers that the manager's cgroup has. */
  readonly controllers: readonly string[]
  readonly rootless: boolean
}

/**
 * The cgroup of the container's scope, in the cgroup2 hierarchy.
 *
 * @throws NruncError ERR_CGROUP on a host without cgroup v2; ERR_CONFIG_INVALID as {@link scopeName}
 */
export function layoutScope(host: CgroupHost, request: ScopeRequest): CgroupLayout {
  const { id, cgroupsPath = '', manager, controllers, rootless } = request
  const { unified } = requireUnified(host)
  const scope = scopeName(cgroupsPath, id, manager)
  const root = posix.join(unified.mountpoint, request.controlGroup)
  const path = posix.join(root, slicePath(scope.slice), scope.unit)
  return {
    directories: [{ version: 2, controllers, root, path }], paths: { '': path },
    field: cgroupsPath === '' ? '' : '/linux/cgroupsPath', rootless, scope: { ...scope, manager },
  }
}

/** On v1 systemd and the runtime would write the same files. */
export function requireUnified(host: CgroupHost): { readonly unified: NonNullable<CgroupHost['unified']> } {
  if (host.mode === 'v2' && host.unified !== undefined) return { unified: host.unified }
  throw new NruncError('ERR_CGROUP', `the systemd cgroup driver needs cgroup v2 (this host has ${host.mode === 'none' ? 'no cgroups' : host.mode})`)
}
