/** Rules of the system call filter. Source: config-linux.md "Seccomp"; runc for what a listener may not be asked. */
import { pointer } from '../pointer.ts'
import type { Seccomp, SeccompAction } from '../seccomp.ts'
import type { Spec } from '../schema.ts'
import type { Report } from './rule.ts'

const AT = '/linux/seccomp'

/** The kernel returns no higher one (MAX_ERRNO of linux/err.h), and a tracer gets 16 bits. seccomp(2). */
const highest: Partial<Record<SeccompAction, number>> = { SCMP_ACT_ERRNO: 4095, SCMP_ACT_TRACE: 0xffff }

export function seccomp(spec: Spec, report: Report): void {
  const profile = spec.linux?.seccomp
  if (profile === undefined) return
  const { listenerPath = '', listenerMetadata = '', defaultAction, defaultErrnoRet } = profile
  if (listenerMetadata !== '' && listenerPath === '') {
    report(`${AT}/listenerMetadata`, 'listenerMetadata must not be set without listenerPath')
  }
  if (listenerPath !== '' && !listenerPath.startsWith('/')) {
    report(`${AT}/listenerPath`, 'listenerPath must be an absolute path')
  }
  errnoRet(defaultAction, defaultErrnoRet, `${AT}/defaultErrnoRet`, report)
  if (defaultAction === 'SCMP_ACT_NOTIFY') {
    report(`${AT}/defaultAction`, 'SCMP_ACT_NOTIFY cannot be used as default action')
  }
  syscalls(profile, report)
}

function syscalls({ syscalls: list = [] }: Seccomp, report: Report): void {
  for (const [index, { names, action, errnoRet: errno }] of list.entries()) {
    const at = `${AT}/syscalls/${index}`
    if (names.length === 0) report(`${at}/names`, 'names must not be empty')
    for (const [number, name] of names.entries()) {
      if (name === '') report(`${at}${pointer('names', number)}`, 'empty string is not a valid syscall')
      if (name === 'write' && action === 'SCMP_ACT_NOTIFY') {
        report(`${at}${pointer('names', number)}`, 'SCMP_ACT_NOTIFY cannot be used for the write syscall')
      }
    }
    errnoRet(action, errno, `${at}/errnoRet`, report)
  }
}

function errnoRet(action: SeccompAction, errno: number | undefined, at: string, report: Report): void {
  if (errno === undefined) return
  const limit = highest[action]
  if (limit === undefined) report(at, `errnoRet cannot be used with ${action}`)
  else if (errno > limit) report(at, `errnoRet of ${action} must not be above ${limit}, not ${errno}`)
}
