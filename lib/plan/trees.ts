/**
 * Mounts whose tree the host opens, and init only moves to its place: idmapped ones, and all that come from the host where init
 * does not see its mounts. Source: runtime-spec config.md "Mounts", mount_setattr(2) MOUNT_ATTR_IDMAP, open_tree(2).
 */
import { posix } from 'node:path'
import { NruncError } from '../errors.ts'
import { findNamespace } from '../spec/namespaces.ts'
import { pointer } from '../spec/pointer.ts'
import type { Mount, Spec } from '../spec/schema.ts'
import type { PlanContext } from './context.ts'
import { isBind, MS, parseMountOptions } from './mount-flags.ts'
import { isCgroupMount, planCgroupMount } from './cgroup-mount.ts'
import { mapText, type NamespacePlan } from './namespaces.ts'
import { NO_SLOT, type Operation } from './operations.ts'
import { rootfsPath, treePropagation } from './rootfs.ts'

export interface Trees {
  /** For the host, before the clone; each fills a slot. */
  readonly open: readonly Operation[]
  /** Slot of the root file system, or NO_SLOT. */
  readonly root: number
  /** Slots by the index of the mount; what makes several bind mounts has the next ones too. */
  readonly slots: ReadonlyMap<number, number>
}

/** BARE: see `takesBareMounts`. */
export function planTrees(spec: Spec, context: PlanContext, namespaces: NamespacePlan, bare: boolean, firstSlot: number): Trees {
  const open: Operation[] = []
  const slots = new Map<number, number>()
  const root = bare ? firstSlot : NO_SLOT
  if (bare) open.push({ op: 'openTree', field: '/root/path', source: rootfsPath(spec, context.bundle), recursive: 1, propagation: propagationOf(spec), root: 1 })
  for (const [index, mount] of (spec.mounts ?? []).entries()) {
    const trees = isMapped(mount) ? [openMappedTree(spec, mount, index, context)] : bare ? openTrees(spec, mount, index, context, namespaces) : []
    if (trees.length > 0) slots.set(index, firstSlot + open.length)
    open.push(...trees)
  }
  return { open, root, slots }
}

const isMapped = ({ uidMappings = [], gidMappings = [], options = [] }: Mount): boolean =>
  uidMappings.length + gidMappings.length > 0 || options.includes('idmap') || options.includes('ridmap')

/** What the host opens gets what the mounts that init sees have got before it binds them; 0: nothing. */
function propagationOf(spec: Spec): number {
  const propagation = treePropagation(spec)
  return propagation & MS.REC ? propagation & ~MS.REC : 0
}

const treeOf = (spec: Spec, mount: Mount, index: number, { bundle }: PlanContext) => ({
  field: pointer('mounts', index), source: posix.resolve(bundle, mount.source ?? ''),
  recursive: parseMountOptions(mount.options ?? []).set & MS.REC ? 1 : 0, propagation: propagationOf(spec),
})

function openTrees(spec: Spec, mount: Mount, index: number, context: PlanContext, namespaces: NamespacePlan): Operation[] {
  if (isBind(mount)) return [{ op: 'openTree', ...treeOf(spec, mount, index, context), root: 0 }]
  return !isCgroupMount(mount) ? [] : planCgroupMount(mount, index, context, namespaces).flatMap((one) =>
    (one.op === 'bindMount' ? [{ op: 'openTree', field: one.field, source: one.source, recursive: one.recursive, propagation: propagationOf(spec), root: 0 }] : []))
}

/**
 * Only whoever has rights over the file system may map its ids, which init in a user namespace of its own has not. Without maps
 * of its own the mount has those of the container's user namespace.
 */
function openMappedTree(spec: Spec, mount: Mount, index: number, context: PlanContext): Operation {
  const tree = treeOf(spec, mount, index, context)
  if (context.host.uid !== 0) throw refusal(tree.field, 'id-mapped mounts are not supported for rootless containers')
  if (findNamespace(spec, 'mount')?.path) {
    throw refusal(tree.field, 'id-mapped mounts are not supported in a joined mount namespace')
  }
  const own = (mount.uidMappings ?? []).length > 0
  const { uidMappings = [], gidMappings = [] } = own ? mount : spec.linux ?? {}
  return {
    op: 'openMappedTree', ...tree, recursiveMap: parseMountOptions(mount.options ?? []).idmap === 'ridmap' ? 1 : 0,
    userNamespace: own ? '' : findNamespace(spec, 'user')?.path ?? '',
    uidMap: mapText(uidMappings), gidMap: mapText(gidMappings),
  }
}

const refusal = (field: string, reason: string): NruncError =>
  new NruncError('ERR_CONFIG_INVALID', `${reason} (field ${field})`, { field })
