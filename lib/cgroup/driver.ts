/**
 * Who makes the cgroups of a container: nrunc itself, systemd, or nobody.
 */
import { posix } from 'node:path'
import { NruncError } from '../errors.ts'
import type { CgroupHost } from './host.ts'
import { type CgroupLayout, type CgroupPaths, type CgroupRequest, layoutCgroup, layoutNothing, type Scope } from './layout.ts'
import { removeCgroup } from './remove.ts'

/** `cgroupfs` writes to the file system, `systemd` asks for a transient scope, `disabled` makes none. */
export type CgroupManager = 'cgroupfs' | 'systemd' | 'disabled'

/** Where the cgroups of a container will be. */
export interface CgroupPlanner {
  /** Whether the layouts of two containers differ in their ids alone, and nobody but nrunc makes them. */
  readonly simple: boolean
  /** @throws NruncError as {@link layoutCgroup} and `layoutScope` do */
  layout(host: CgroupHost, request: Omit<CgroupRequest, 'rootless'>): CgroupLayout
  /** The `linux.cgroupsPath` of a container below PARENT: a cgroup, for systemd a slice. */
  below(parent: string, id: string): string
}

/** @throws NruncError as `scopePlanner` does; ERR_OPTION_INVALID */
export async function cgroupPlanner(manager: CgroupManager, rootless: boolean): Promise<CgroupPlanner> {
  switch (manager) {
    case 'cgroupfs': return { simple: true, below: posix.join, layout: (host, request) => layoutCgroup(host, { ...request, rootless }) }
    case 'systemd': return (await import('./systemd/driver.ts')).scopePlanner(rootless)
    case 'disabled': return { simple: true, below: posix.join, layout: () => layoutNothing(rootless) }
    default: throw new NruncError('ERR_OPTION_INVALID', `unknown cgroup manager ${JSON.stringify(manager)}`, { operand: String(manager) })
  }
}

/** Remove what a {@link CgroupPlanner} planned, after all processes are gone. @throws NruncError ERR_CGROUP */
export async function disposeCgroup(paths: CgroupPaths, scope: Scope | undefined): Promise<void> {
  if (scope !== undefined) await (await import('./systemd/driver.ts')).stopScope(scope)
  await removeCgroup(paths)
}
