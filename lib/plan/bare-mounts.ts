/**
 * Containers whose mount namespace does not begin as a copy of the host's, which costs as much as the host has mounts, but of
 * one that holds next to nothing (`addon/host/bare-mounts.h`). What init would look up on the host comes as a tree that the
 * host has opened, at each start anew. Source: mount_namespaces(7), open_tree(2).
 */
import { posix } from 'node:path'
import type { Mount, Spec } from '../spec/schema.ts'
import type { PlanContext } from './context.ts'
import { hasOption, isBind, MS } from './mount-flags.ts'
import { rootfsPath, treePropagation } from './rootfs.ts'

/** File systems that are made of nothing: mount(2) looks up no path of the host for them. */
const ofNothing = new Set(['proc', 'sysfs', 'tmpfs', 'ramfs', 'devpts', 'mqueue', 'cgroup', 'cgroup2'])

/** Each tree is a descriptor until init has moved it to its place. */
const MOST_TREES = 64

/** Whether containers of SPEC get them, when they are asked for: they are the same then. */
export function takesBareMounts(spec: Spec, context: PlanContext): boolean {
  const { mounts = [], hooks = {}, linux = {} } = spec
  const namespaces = linux.namespaces ?? []
  const propagation = treePropagation(spec)
  return context.bareMounts === true && context.host.uid === 0 && !context.noPivot &&
    namespaces.some(({ type, path }) => type === 'mount' && !path) && !namespaces.some(({ type }) => type === 'user') &&
    (propagation === (MS.SLAVE | MS.REC) || propagation === (MS.PRIVATE | MS.REC)) &&
    // They look at the host from the container's mount namespace.
    !context.awaitRuntimeHooks && !hooks.prestart?.length && !hooks.createRuntime?.length && !hooks.createContainer?.length &&
    mounts.filter(isBind).length < MOST_TREES && mounts.every((mount) => isIndependent(mount, spec, context))
}

/** It leads to the same whether the mounts before it are made in the host's tree of files or beside it. */
function isIndependent(mount: Mount, spec: Spec, { bundle }: PlanContext): boolean {
  if (hasOption(mount, 'remount')) return true
  const { type = 'none', source = '' } = mount
  if (!isBind(mount)) return ofNothing.has(type)
  return !`${posix.resolve(bundle, source)}/`.startsWith(`${rootfsPath(spec, bundle)}/`)
}
