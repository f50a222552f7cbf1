/**
 * `root`, masked and read-only paths, sysctl: what happens to the root file system around the pivot.
 * Source: runtime-spec config.md "Root", config-linux.md "Masked Paths", "Readonly Paths", "Rootfs Mount Propagation".
 */
import { posix } from 'node:path'
import type { Spec } from '../spec/schema.ts'
import { pointer } from '../spec/pointer.ts'
import { sysctlPath } from '../spec/sysctl.ts'
import type { PlanContext } from './context.ts'
import type { KeptMounts } from './kept-mounts.ts'
import { MS, parseMountOptions } from './mount-flags.ts'
import { NO_SLOT, type Operation } from './operations.ts'

/** Absolute path of the root file system. */
export const rootfsPath = (spec: Spec, bundle: string): string => posix.resolve(bundle, spec.root.path)

const propagation = (spec: Spec): number | undefined =>
  parseMountOptions([spec.linux?.rootfsPropagation ?? '']).propagation[0]

/** What all mounts get first. Unless the config says otherwise, nothing that is mounted from there on reaches the host. */
export const treePropagation = (spec: Spec): number => propagation(spec) ?? MS.SLAVE | MS.REC

/** TREE: slot of what the host has opened as the root file system, or NO_SLOT. */
export function planRoot(spec: Spec, context: PlanContext, tree = NO_SLOT): Operation[] {
  const path = rootfsPath(spec, context.bundle)
  return [
    {
      op: 'setPropagation', field: spec.linux?.rootfsPropagation === undefined ? '' : '/linux/rootfsPropagation',
      flags: treePropagation(spec),
    },
    tree === NO_SLOT ? { op: 'openRoot', field: '/root/path', path, bind: 1 } : { op: 'attachRoot', field: '/root/path', path, tree },
  ]
}

export function planPaths(spec: Spec, kept: KeptMounts): Operation[] {
  const label = spec.linux?.mountLabel ?? ''
  return [
    ...(spec.linux?.maskedPaths ?? []).map((path, index): Operation =>
      ({ op: 'maskPath', field: pointer('linux', 'maskedPaths', index), path, label, ...kept.find(path) })),
    ...(spec.linux?.readonlyPaths ?? []).map((path, index): Operation =>
      ({ op: 'readonlyPath', field: pointer('linux', 'readonlyPaths', index), path, ...kept.find(path) })),
  ]
}

export function planPivot(spec: Spec, context: PlanContext): Operation[] {
  const path = rootfsPath(spec, context.bundle)
  const list: Operation[] = [{ op: context.noPivot ? 'moveRoot' : 'pivotRoot', field: '/root/path', path }]
  const flags = propagation(spec)
  if (flags !== undefined) list.push({ op: 'rootPropagation', field: '/linux/rootfsPropagation', flags })
  if (spec.root.readonly) list.push({ op: 'remountRootReadonly', field: '/root/readonly' })
  return list
}

export function planSysctl(spec: Spec): Operation[] {
  return Object.entries(spec.linux?.sysctl ?? {}).map(([name, value]): Operation =>
    ({ op: 'writeProc', field: pointer('linux', 'sysctl', name), path: `sys/${sysctlPath(name)}`, value }))
}
