/** Rules of the system call filter. Source: config-linux.md "Seccomp". */
import type { Report } from './rule.ts'
import type { Spec } from '../schema.ts'

export function seccomp(spec: Spec, report: Report): void {
  const { listenerPath = '', listenerMetadata = '', syscalls = [] } = spec.linux?.seccomp ?? {}
  if (listenerMetadata !== '' && listenerPath === '') {
    report('/linux/seccomp/listenerMetadata', 'listenerMetadata must not be set without listenerPath')
  }
  for (const [index, { names }] of syscalls.entries()) {
    if (names.length === 0) report(`/linux/seccomp/syscalls/${index}/names`, 'names must not be empty')
  }
}
