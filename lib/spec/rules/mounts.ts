/** Rules of `mounts`. Source: config.md "Mounts". */
import type { Report } from './rule.ts'
import type { Spec } from '../schema.ts'

export function mounts(spec: Spec, report: Report): void {
  for (const [index, mount] of (spec.mounts ?? []).entries()) {
    const { destination, source = '', options = [], uidMappings, gidMappings } = mount
    if (destination === '') report(`/mounts/${index}/destination`, 'mount destination must not be empty')
    const isBind = options.some((option) => option === 'bind' || option === 'rbind')
    if (isBind && source === '' && !options.includes('remount')) {
      report(`/mounts/${index}/source`, 'source of a bind mount must not be empty')
    }
    if ((uidMappings === undefined) !== (gidMappings === undefined)) {
      const missing = uidMappings === undefined ? 'uidMappings' : 'gidMappings'
      report(`/mounts/${index}/${missing}`, 'uidMappings and gidMappings must be given together')
    }
  }
}
