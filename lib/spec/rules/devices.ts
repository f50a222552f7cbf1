/** Rules of device nodes and of the device rules of the cgroup. Source: config-linux.md "Devices". */
import { quote } from './rule.ts'
import type { Report } from './rule.ts'
import type { Spec } from '../schema.ts'

export function devices(spec: Spec, report: Report): void {
  for (const [index, device] of (spec.linux?.devices ?? []).entries()) {
    const field = `/linux/devices/${index}`
    if (!device.path.startsWith('/')) report(`${field}/path`, `device path ${quote(device.path)} must be absolute`)
    for (const key of ['major', 'minor'] as const) {
      const number = device[key]
      if (number === undefined && device.type !== 'p') {
        report(`${field}/${key}`, `is required for a device of type ${device.type}`)
      }
      if (number !== undefined && (number < 0 || number > 0xffffffff)) {
        report(`${field}/${key}`, `invalid device number ${number}`)
      }
    }
  }
}

export function deviceRules(spec: Spec, report: Report): void {
  for (const [index, { type = '', access = '', ...device }] of (spec.linux?.resources?.devices ?? []).entries()) {
    const field = `/linux/resources/devices/${index}`
    if (!/^[abc]?$/.test(type)) report(`${field}/type`, `invalid cgroup device type ${quote(type)}`)
    if (access === '') report(`${field}/access`, `device access at ${index} field cannot be empty`)
    else if (!/^[rwm]+$/.test(access)) report(`${field}/access`, `invalid device access ${quote(access)}`)
    // -1 is any number; another negative one must not become that.
    for (const key of ['major', 'minor'] as const) {
      const number = device[key] ?? -1
      if (number < -1 || number > 0xffffffff) report(`${field}/${key}`, `invalid device number ${number}`)
    }
  }
}
