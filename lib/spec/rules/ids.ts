/** Rules of id mappings, and of ids that a new user namespace must map. Source: user_namespaces(7). */
import { isNewNamespace } from '../namespaces.ts'
import type { IdMapping } from '../ids.ts'
import type { Report } from './rule.ts'
import type { Spec } from '../schema.ts'

/** UID_GID_MAP_MAX_EXTENTS of the kernel. */
const maximumMappings = 340
const idCount = 2 ** 32

/** Every list of mappings of the spec: those of the user namespace and those of idmapped mounts. */
export function idMappings(spec: Spec, report: Report): void {
  for (const key of ['uidMappings', 'gidMappings'] as const) {
    checkMappings(spec.linux?.[key] ?? [], `/linux/${key}`, report)
    for (const [index, mount] of (spec.mounts ?? []).entries()) {
      checkMappings(mount[key] ?? [], `/mounts/${index}/${key}`, report)
    }
  }
}

function checkMappings(mappings: readonly IdMapping[], at: string, report: Report): void {
  if (mappings.length > maximumMappings) report(at, `has more than ${maximumMappings} mappings`)
  for (const [index, { containerID, hostID, size }] of mappings.entries()) {
    const field = `${at}/${index}/size`
    if (size === 0) report(field, 'size of a mapping must be greater than zero')
    // The last id, -1, means "none" and cannot be mapped.
    else if (Math.max(containerID, hostID) + size >= idCount) report(field, 'mapping ends beyond the last id')
  }
  checkOverlaps(mappings, 'containerID', at, report)
  checkOverlaps(mappings, 'hostID', at, report)
}

function checkOverlaps(
  mappings: readonly IdMapping[], side: 'containerID' | 'hostID', at: string, report: Report,
): void {
  const ranges = mappings
    .map((mapping, index) => ({ index, start: mapping[side], end: mapping[side] + mapping.size }))
    .sort((a, b) => a.start - b.start)
  let widest = ranges[0]
  for (const range of ranges.slice(1)) {
    if (widest !== undefined && range.start < widest.end) {
      const [first, second] = [widest.index, range.index].sort((a, b) => a - b)
      report(`${at}/${second}/${side}`, `mapping overlaps mapping ${first}`)
    }
    if (widest === undefined || range.end > widest.end) widest = range
  }
}

/** Who the process is to be must exist in a new user namespace. */
export function mappedUser(spec: Spec, report: Report): void {
  if (spec.process === undefined || !isNewNamespace(spec, 'user')) return
  const { uid, gid, additionalGids = [] } = spec.process.user
  checkMapped(spec, 'uid', uid, '/process/user/uid', '', report)
  checkMapped(spec, 'gid', gid, '/process/user/gid', '', report)
  for (const [index, group] of additionalGids.entries()) {
    checkMapped(spec, 'gid', group, `/process/user/additionalGids/${index}`, '', report)
  }
}

/** The kernel refuses ids in the data of a mount that the user namespace does not map. */
export function mappedMountOptions(spec: Spec, report: Report): void {
  if (!isNewNamespace(spec, 'user')) return
  for (const [index, { options = [] }] of (spec.mounts ?? []).entries()) {
    if (options.some((option) => option === 'bind' || option === 'rbind')) continue
    for (const [position, option] of options.entries()) {
      const [, kind, id] = /^([ug]id)=(\d+)$/.exec(option) ?? []
      if (kind !== 'uid' && kind !== 'gid') continue
      const prefix = `cannot specify ${option} mount option: `
      checkMapped(spec, kind, Number(id), `/mounts/${index}/options/${position}`, prefix, report)
    }
  }
}

function checkMapped(spec: Spec, kind: 'uid' | 'gid', id: number, field: string, prefix: string, report: Report): void {
  const mappings = spec.linux?.[`${kind}Mappings`] ?? []
  // Without any mapping that is the problem which is reported, not each of its consequences.
  if (mappings.length === 0) return
  if (mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size)) return
  report(field, `${prefix}user namespaces enabled, but no mapping found for ${kind} ${id}`)
}
