/**
 * The unit of a container: its name, its slice, and where its cgroup is. Pure. Source: systemd.slice(5),
 * systemd.unit(5); the form of the path is that of other runtimes.
 */
import { posix } from 'node:path'
import type { Manager } from '../../dbus/address.ts'
import { invalid } from '../limit.ts'

const field = '/linux/cgroupsPath'

/** A transient scope. */
export interface ScopeName {
  /** `PREFIX-NAME.scope`. */
  readonly unit: string
  /** The slice that it is in. */
  readonly slice: string
}

/**
 * The scope that `cgroupsPath` names as `slice:prefix:name`. Without one `nrunc-ID.scope`; without a slice
 * `system.slice`, or `user.slice` of the user's manager.
 *
 * @throws NruncError ERR_CONFIG_INVALID for another form, and for a name that is a slice
 */
export function scopeName(cgroupsPath: string, id: string, manager: Manager): ScopeName {
  const standard = manager === 'user' ? 'user.slice' : 'system.slice'
  if (cgroupsPath === '') return { unit: requireUnitName(`nrunc-${id}.scope`), slice: standard }
  const [slice = '', prefix = '', name = '', ...more] = cgroupsPath.split(':')
  if (name === '' || more.length > 0) {
    throw invalid(field, `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got ${JSON.stringify(cgroupsPath)} instead`)
  }
  if (name.endsWith('.slice')) throw invalid(field, `cgroupsPath ${JSON.stringify(cgroupsPath)} names a slice, which has no processes`)
  return { unit: requireUnitName(`${prefix}-${name}.scope`), slice: slice === '' ? standard : slice }
}

/** What systemd takes for a name. With a slash the cgroup would be somewhere else than below the slice. */
function requireUnitName(unit: string): string {
  if (/^[\w:.\\@-]{1,255}$/.test(unit)) return unit
  throw invalid(field, `invalid unit name: ${unit}`)
}

/**
 * The directory of a slice below that of its manager: `a-b.slice` is in `a.slice`, and `-.slice` is the manager's own.
 *
 * @throws NruncError ERR_CONFIG_INVALID for what is not a name of a slice
 */
export function slicePath(slice: string): string {
  const name = slice.slice(0, -'.slice'.length)
  if (!slice.endsWith('.slice') || !/^[\w:.\\@-]{1,255}$/.test(slice)) throw invalid(field, `invalid slice name: ${slice}`)
  if (name === '-') return '/'
  const parts = name.split('-')
  if (parts.includes('')) throw invalid(field, `invalid slice name: ${slice}`)
  return posix.join('/', ...parts.map((_, at) => `${parts.slice(0, at + 1).join('-')}.slice`))
}
