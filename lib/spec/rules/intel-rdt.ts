/** Rules of `linux.intelRdt`. Source: config-linux.md "IntelRdt", runc's validator. */
import { quote, type Report } from './rule.ts'
import type { Spec } from '../schema.ts'

/** A slash would reach other directories of resctrl; alone it is the default group. */
export function intelRdt(spec: Spec, report: Report): void {
  const { closID = '', schemata = [] } = spec.linux?.intelRdt ?? {}
  if (closID === '.' || closID === '..' || (closID !== '/' && closID.includes('/')) || closID.includes('\n')) {
    report('/linux/intelRdt/closID', `invalid intelRdt.ClosID ${quote(closID)}`)
  }
  for (const [index, line] of schemata.entries()) {
    if (line.includes('\n')) report(`/linux/intelRdt/schemata/${index}`, 'an entry of schemata must be one line')
  }
}
