/** Rules of `mounts`. Source: config.md "Mounts". */
import { findNamespace } from '../namespaces.ts'
import type { Report } from './rule.ts'
import type { Mount, Spec } from '../schema.ts'

export function mounts(spec: Spec, report: Report): void {
  for (const [index, mount] of (spec.mounts ?? []).entries()) {
    const { destination, source = '', options = [] } = mount
    if (destination === '') report(`/mounts/${index}/destination`, 'mount destination must not be empty')
    const isBind = options.some((option) => option === 'bind' || option === 'rbind')
    if (isBind && source === '' && !options.includes('remount')) {
      report(`/mounts/${index}/source`, 'source of a bind mount must not be empty')
    }
    const at = `/mounts/${index}`
    mappings(spec, mount, isBind, at, report)
    const copyUp = options.indexOf('tmpcopyup')
    if (copyUp >= 0 && (isBind || mount.type !== 'tmpfs')) {
      report(`${at}/options/${copyUp}`, 'tmpcopyup is only supported for tmpfs mounts')
    }
  }
}

/** Maps come in pairs; without any the mount has those of the user namespace. runc's validator. */
function mappings(spec: Spec, mount: Mount, isBind: boolean, at: string, report: Report): void {
  const { options = [], uidMappings = [], gidMappings = [] } = mount
  const word = options.findLastIndex((option) => option === 'idmap' || option === 'ridmap')
  const given = uidMappings.length > 0 ? 'uidMappings' : gidMappings.length > 0 ? 'gidMappings' : undefined
  if (given === undefined && word < 0) return
  const field = given === undefined ? `${at}/options/${word}` : `${at}/${given}`
  if (!isBind || options.includes('remount')) report(field, 'id-mapped mounts are only supported for bind-mounts')
  const none = given === undefined && findNamespace(spec, 'user') === undefined
  if (none || (given !== undefined && (uidMappings.length === 0 || gidMappings.length === 0))) {
    report(field, 'id-mapped mounts must have both uid and gid mappings specified')
  }
}
