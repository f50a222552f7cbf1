/**
 * The cgroup of a container as a transient scope of systemd. Runs in the Node process; loaded only when it is asked for.
 */
import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import type { Manager } from '../../dbus/address.ts'
import { Variant } from '../../dbus/wire.ts'
import { NruncError } from '../../errors.ts'
import { cgroupHost } from '../detect.ts'
import { writeControl } from '../directory.ts'
import type { CgroupPlanner } from '../driver.ts'
import type { Scope } from '../layout.ts'
import type { Limit } from '../limit.ts'
import { annotatedProperties } from './annotations.ts'
import { layoutScope, requireUnified } from './layout.ts'
import { ServiceManager } from './manager.ts'
import { limitProperties, type Property } from './properties.ts'

/**
 * Where the scopes of containers will be. Their manager is the system's, for a rootless caller the user's.
 *
 * @throws NruncError ERR_CGROUP where there is no systemd, or no cgroup v2
 */
export async function scopePlanner(rootless: boolean): Promise<CgroupPlanner> {
  if (!existsSync('/run/systemd/system')) {
    throw new NruncError('ERR_CGROUP', 'systemd cgroup flag passed, but systemd support for managing cgroups is not available')
  }
  const { unified } = requireUnified(cgroupHost())
  const name: Manager = rootless ? 'user' : 'system'
  const manager = await ServiceManager.connect(name)
  const controlGroup = await manager.controlGroup()
  const file = posix.join(unified.mountpoint, controlGroup, 'cgroup.controllers')
  const controllers = readFileSync(file, 'utf8').split(/\s+/).filter(Boolean)
  return {
    simple: false,
    below: (slice, id) => `${slice}:nrunc:${id}`,
    layout: (host, request) => layoutScope(host, { ...request, manager: name, controlGroup, controllers, rootless }),
  }
}

/** What a scope is made for. */
export interface ScopeContent {
  readonly id: string
  /** Host's pid of the first process, which waits. */
  readonly pid: number
  readonly limits: readonly Limit[]
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/**
 * Make the scope, with the process in it. What the annotations say comes last, and wins.
 *
 * @throws NruncError ERR_CGROUP with the step `startUnit`; ERR_CONFIG_INVALID for a bad annotation
 */
export async function startScope(scope: Scope, { id, pid, limits, annotations }: ScopeContent): Promise<void> {
  const yes = new Variant('b', true)
  const properties: Property[] = [
    ['Description', new Variant('s', `nrunc container ${id}`)],
    ['Slice', new Variant('s', scope.slice)],
    ['Delegate', yes],
    ['PIDs', new Variant('au', [pid])],
    ['CPUAccounting', yes], ['IOAccounting', yes], ['MemoryAccounting', yes], ['TasksAccounting', yes],
    // Without this a scope would end before the services that containers may need at shutdown.
    ['DefaultDependencies', new Variant('b', false)],
    // A scope whose processes were killed would otherwise stay as a failed one.
    ['CollectMode', new Variant('s', 'inactive-or-failed')],
    ...limitProperties(limits),
    ...annotatedProperties(annotations),
  ]
  const manager = await ServiceManager.connect(scope.manager)
  await manager.startUnit(scope.unit, properties)
}

/** End the scope and wait until it is gone; one that is gone is no error. @throws NruncError ERR_CGROUP */
export async function stopScope(scope: Scope): Promise<void> {
  await (await ServiceManager.connect(scope.manager)).stopUnit(scope.unit)
}

/**
 * Tell systemd about changed limits of the cgroup DIRECTORY, which it would otherwise set back. It writes them to the
 * files, too: the one that it rounds is written again.
 *
 * @throws NruncError ERR_CGROUP
 */
export async function changeScope(scope: Scope, directory: string, limits: readonly Limit[]): Promise<void> {
  const properties = limitProperties(limits)
  if (properties.length === 0) return
  await (await ServiceManager.connect(scope.manager)).setProperties(scope.unit, properties)
  for (const { file, value } of limits.filter((limit) => limit.file === 'cpu.max')) await writeControl(posix.join(directory, file), value)
}

/** Move a waiting process into the scope, or into the cgroup PATH (`/a/b`) below it; for a user, whose own cgroup and the scope's have no common writable parent. */
export async function attachToScope(scope: Scope, path: string, pid: number): Promise<void> {
  await (await ServiceManager.connect(scope.manager)).attach(scope.unit, path, [pid])
}
