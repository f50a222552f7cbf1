/** Rules between namespaces and the fields that need one. Source: config-linux.md "Namespaces", runc's validator. */
import { findNamespace, isNewNamespace } from '../namespaces.ts'
import { quote } from './rule.ts'
import type { Report } from './rule.ts'
import type { Spec } from '../schema.ts'

export function namespaces(spec: Spec, report: Report): void {
  const seen = new Set<string>()
  for (const [index, { type, path = '' }] of (spec.linux?.namespaces ?? []).entries()) {
    const field = `/linux/namespaces/${index}`
    if (seen.has(type)) report(`${field}/type`, `malformed spec file: duplicated ns ${quote(type)}`)
    if (path !== '' && !path.startsWith('/')) report(`${field}/path`, `namespace path ${quote(path)} must be absolute`)
    seen.add(type)
  }
}

/** The kernel's names have 64 bytes. sethostname(2), setdomainname(2). */
export function hostNames(spec: Spec, report: Report): void {
  for (const key of ['hostname', 'domainname'] as const) {
    const name = spec[key] ?? ''
    if (name !== '' && findNamespace(spec, 'uts') === undefined) {
      report(`/${key}`, `unable to set ${key} without a private UTS namespace`)
    }
    if (Buffer.byteLength(name) > 64) report(`/${key}`, `${key} is longer than 64 bytes`)
  }
}

/** Masks are mounts: without a mount namespace they would be made on the host. */
export function restrictedPaths(spec: Spec, report: Report): void {
  for (const key of ['maskedPaths', 'readonlyPaths'] as const) {
    const paths = spec.linux?.[key] ?? []
    if (paths.length > 0 && findNamespace(spec, 'mount') === undefined) {
      report(`/linux/${key}`, 'unable to restrict sys entries without a private MNT namespace')
    }
    for (const [index, path] of paths.entries()) {
      if (!path.startsWith('/')) report(`/linux/${key}/${index}`, `path ${quote(path)} must be absolute`)
    }
  }
}

export function userNamespace(spec: Spec, report: Report): void {
  for (const [key, kind] of [['uidMappings', 'uid'], ['gidMappings', 'gid']] as const) {
    const count = spec.linux?.[key]?.length ?? 0
    if (count > 0 && findNamespace(spec, 'user') === undefined) {
      report(`/linux/${key}`, "user namespace mappings specified, but USER namespace isn't enabled in the config")
    }
    if (count === 0 && isNewNamespace(spec, 'user')) {
      report(`/linux/${key}`, `user namespaces enabled, but no ${kind} mappings found`)
    }
  }
}

/** time_namespaces(7). */
export function timeNamespace(spec: Spec, report: Report): void {
  const { monotonic, boottime } = spec.linux?.timeOffsets ?? {}
  if ((monotonic ?? boottime) !== undefined && findNamespace(spec, 'time') === undefined) {
    report('/linux/timeOffsets', "time namespace offsets specified, but time namespace isn't enabled in the config")
  }
  for (const [clock, { nanosecs = 0 }] of Object.entries({ monotonic: monotonic ?? {}, boottime: boottime ?? {} })) {
    if (nanosecs >= 1e9) report(`/linux/timeOffsets/${clock}/nanosecs`, `nanosecs must be below a second (1000000000), not ${nanosecs}`)
  }
}
