/** Which network devices can move where. Source: config-linux.md "Network Devices", runc's validator, dev_valid_name(). */
import { findNamespace, isNewNamespace } from '../namespaces.ts'
import { pointer } from '../pointer.ts'
import { quote, type Report } from './rule.ts'
import type { Spec } from '../schema.ts'

/** At most 15 bytes, no slash, colon or white space; `.` and `..` are directories of sysfs. */
const isDeviceName = (name: string): boolean =>
  /^[^/:\s]+$/.test(name) && name !== '.' && name !== '..' && Buffer.byteLength(name) < 16

export function netDevices(spec: Spec, report: Report): void {
  const devices = Object.entries(spec.linux?.netDevices ?? {})
  if (devices.length === 0) return
  const at = '/linux/netDevices'
  if (findNamespace(spec, 'network') === undefined) {
    report(at, 'unable to move network devices without a private NET namespace')
  } else if (isNewNamespace(spec, 'network') && findNamespace(spec, 'user') !== undefined && !isNewNamespace(spec, 'user')) {
    // That namespace is made by init, long after the host could have moved a device into it.
    report(at, 'unable to move network devices into a new NET namespace of a joined USER namespace')
  }
  const taken = new Map<string, string>()
  for (const [device, { name = '' }] of devices) {
    if (!isDeviceName(device)) report(pointer('linux', 'netDevices', device), `invalid network device name ${quote(device)}`)
    // A device's own name is no template.
    else if (name === '' && device.includes('%')) report(pointer('linux', 'netDevices', device), `invalid network device name ${quote(device)}`)
    if (name !== '' && (!isDeviceName(name) || name.replace('%d', '').includes('%'))) {
      report(pointer('linux', 'netDevices', device, 'name'), `invalid network device name ${quote(name)}`)
    }
    const final = name || device
    if (!final.includes('%') && taken.has(final)) {
      report(pointer('linux', 'netDevices', device, ...name === '' ? [] : ['name']), `network device name ${quote(final)} is that of ${quote(taken.get(final)!)} too`)
    }
    taken.set(final, device)
  }
}
