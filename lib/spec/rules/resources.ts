/** Values of `linux.resources` that the kernel would change silently, or that ask for nothing. Source: config-linux.md. */
import { pointer } from '../pointer.ts'
import type { Integer64, Spec } from '../schema.ts'
import type { Report } from './rule.ts'

const AT = '/linux/resources'

/** -1, also in its unsigned form, leaves the parent's value, as in runc. */
export function swappiness(spec: Spec, report: Report): void {
  const value = BigInt(spec.linux?.resources?.memory?.swappiness ?? 0)
  if (value <= 100n || BigInt.asIntN(64, value) === -1n) return
  report(`${AT}/memory/swappiness`, `invalid memory swappiness value: ${value} (valid range is 0-100)`)
}

/** config-linux.md "Block IO"; weights are from 10 to 1000 there, whatever the version of cgroups makes of them. */
export function blockIo(spec: Spec, report: Report): void {
  const { weight, leafWeight, weightDevice = [], ...throttles } = spec.linux?.resources?.blockIO ?? {}
  const at = `${AT}/blockIO`
  weights({ weight, leafWeight }, at, report)
  for (const [index, device] of weightDevice.entries()) {
    const field = `${at}/weightDevice/${index}`
    numbers(device, field, report)
    weights(device, field, report)
    if ((device.weight ?? device.leafWeight) === undefined) report(field, 'at least one of weight and leafWeight must be specified')
  }
  for (const name of ['throttleReadBpsDevice', 'throttleWriteBpsDevice', 'throttleReadIOPSDevice', 'throttleWriteIOPSDevice'] as const) {
    for (const [index, device] of (throttles[name] ?? []).entries()) numbers(device, `${at}/${name}/${index}`, report)
  }
}

/** Zero is unset, as Docker writes it. */
function weights(of: { readonly weight?: number | undefined; readonly leafWeight?: number | undefined }, at: string, report: Report): void {
  for (const key of ['weight', 'leafWeight'] as const) {
    const value = of[key] ?? 0
    if (value !== 0 && (value < 10 || value > 1000)) report(`${at}/${key}`, `invalid weight ${value} (valid range is 10-1000)`)
  }
}

function numbers(device: { readonly major: Integer64; readonly minor: Integer64 }, at: string, report: Report): void {
  for (const key of ['major', 'minor'] as const) {
    if (device[key] < 0 || device[key] > 0xffffffff) report(`${at}/${key}`, `invalid device number ${device[key]}`)
  }
}

/** config-linux.md "RDMA". */
export function rdma(spec: Spec, report: Report): void {
  for (const [device, { hcaHandles, hcaObjects }] of Object.entries(spec.linux?.resources?.rdma ?? {})) {
    if ((hcaHandles ?? hcaObjects) !== undefined) continue
    report(pointer('linux', 'resources', 'rdma', device), 'at least one of hcaHandles and hcaObjects must be specified')
  }
}
