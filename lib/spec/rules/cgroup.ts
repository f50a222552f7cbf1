/** Rules of the cgroup's path and of its files. Source: config-linux.md "Control groups". */
import { pointer } from '../pointer.ts'
import { quote } from './rule.ts'
import type { Report } from './rule.ts'
import type { Spec } from '../schema.ts'

export function cgroupsPath(spec: Spec, report: Report): void {
  const path = spec.linux?.cgroupsPath ?? ''
  if (path.split('/').includes('..')) report('/linux/cgroupsPath', `cgroupsPath ${quote(path)} must not contain ".."`)
}

/** A name with a slash would reach files of other cgroups. */
export function unified(spec: Spec, report: Report): void {
  for (const name of Object.keys(spec.linux?.resources?.unified ?? {})) {
    if (name.includes('/') || name === '' || name === '.' || name === '..') {
      const message = `unified resource ${quote(name)} must be a file name (no slashes)`
      report(pointer('linux', 'resources', 'unified', name), message)
    }
  }
}
