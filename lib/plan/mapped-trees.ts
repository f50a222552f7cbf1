/**
 * Idmapped mounts: the host makes a copy of the mount with mapped ids, which init only moves to its place. Source:
 * runtime-spec config.md "Mounts", mount_setattr(2) MOUNT_ATTR_IDMAP.
 */
import { posix } from 'node:path'
import { NruncError } from '../errors.ts'
import { findNamespace } from '../spec/namespaces.ts'
import { pointer } from '../spec/pointer.ts'
import type { Mount, Spec } from '../spec/schema.ts'
import type { PlanContext } from './context.ts'
import { MS, parseMountOptions } from './mount-flags.ts'
import { mapText } from './namespaces.ts'
import type { Operation } from './operations.ts'
import { treePropagation } from './rootfs.ts'

export interface MappedTrees {
  /** For the host, before the clone; each fills a slot. */
  readonly open: readonly Operation[]
  /** The slots by the index of the mount. */
  readonly slots: ReadonlyMap<number, number>
}

/** Only whoever has rights over the file system may map its ids, which init in a user namespace of its own has not. */
export function planMappedTrees(spec: Spec, context: PlanContext, firstSlot: number): MappedTrees {
  const open: Operation[] = []
  const slots = new Map<number, number>()
  for (const [index, mount] of (spec.mounts ?? []).entries()) {
    if (!isMapped(mount)) continue
    const field = pointer('mounts', index)
    if (context.host.uid !== 0) throw refusal(field, 'id-mapped mounts are not supported for rootless containers')
    if (findNamespace(spec, 'mount')?.path) {
      throw refusal(field, 'id-mapped mounts are not supported in a joined mount namespace')
    }
    slots.set(index, firstSlot + open.length)
    open.push(openTree(spec, mount, field, context.bundle))
  }
  return { open, slots }
}

const isMapped = ({ uidMappings = [], gidMappings = [], options = [] }: Mount): boolean =>
  uidMappings.length + gidMappings.length > 0 || options.includes('idmap') || options.includes('ridmap')

/** Without maps of its own the mount has those of the container's user namespace. */
function openTree(spec: Spec, mount: Mount, field: string, bundle: string): Operation {
  const options = parseMountOptions(mount.options ?? [])
  const propagation = treePropagation(spec)
  const own = (mount.uidMappings ?? []).length > 0
  const { uidMappings = [], gidMappings = [] } = own ? mount : spec.linux ?? {}
  return {
    op: 'openMappedTree', field, source: posix.resolve(bundle, mount.source ?? ''),
    recursive: options.set & MS.REC ? 1 : 0, recursiveMap: options.idmap === 'ridmap' ? 1 : 0,
    // As the mounts that init binds, which have got it before.
    propagation: propagation & MS.REC ? propagation & ~MS.REC : 0,
    userNamespace: own ? '' : findNamespace(spec, 'user')?.path ?? '',
    uidMap: mapText(uidMappings), gidMap: mapText(gidMappings),
  }
}

const refusal = (field: string, reason: string): NruncError =>
  new NruncError('ERR_CONFIG_INVALID', `${reason} (field ${field})`, { field })
