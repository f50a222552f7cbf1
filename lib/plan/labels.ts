/**
 * `process.apparmorProfile`, `process.selinuxLabel`, `linux.mountLabel`. Source: runtime-spec config.md "Linux
 * Process", config-linux.md "Mount Label", aa_change_onexec(3), selinux(8).
 */
import { NruncError } from '../errors.ts'
import type { ProcessSpec, Spec } from '../spec/schema.ts'
import type { HostFacts } from './context.ts'
import type { Operation } from './operations.ts'

export interface LabelFacts {
  readonly host: HostFacts
  /** JSON pointer of the process. */
  readonly field: string
}

const missing = {
  apparmor: 'unable to apply apparmor profile: apparmor: config provided but apparmor not supported',
  selinux: 'selinux label is specified in config, but selinux is disabled or not supported',
  mount: 'mount label is specified in config, but selinux is disabled or not supported',
} as const

/**
 * What the process becomes with its execve. Before no_new_privs, which may forbid it.
 *
 * @throws NruncError ERR_CONFIG_INVALID where the host does not have the module
 */
export function planLabels(process: ProcessSpec, { host, field: at }: LabelFacts): Operation[] {
  const { apparmorProfile: profile = '', selinuxLabel: label = '' } = process
  const list: Operation[] = []
  if (profile !== '') {
    const field = `${at}/apparmorProfile`
    if (!host.apparmor) throw refusal(field, missing.apparmor, profile)
    list.push({ op: 'setAppArmorProfile', field, profile })
  }
  if (label !== '') {
    const field = `${at}/selinuxLabel`
    if (!host.selinux) throw refusal(field, missing.selinux, label)
    list.push({ op: 'setSelinuxLabel', field, attribute: 'exec', label })
  }
  return list
}

/** A session keyring of its own, with the label of the process: it may read its keys. */
export function planKeyring(id: string, { selinuxLabel: label = '' }: ProcessSpec, at: string): Operation[] {
  const join: Operation = { op: 'sessionKeyring', field: '', name: `_ses.${id}` }
  const relabel = (value: string): Operation =>
    ({ op: 'setSelinuxLabel', field: `${at}/selinuxLabel`, attribute: 'keycreate', label: value })
  return label === '' ? [join] : [relabel(label), join, relabel('')]
}

/** Without SELinux the kernel refuses the label of a mount or drops it, as the file system has it. */
export function requireMountLabels(spec: Spec, host: HostFacts): void {
  const label = spec.linux?.mountLabel ?? ''
  if (label === '' || host.selinux) return
  throw refusal('/linux/mountLabel', missing.mount, label)
}

const refusal = (field: string, reason: string, operand: string): NruncError =>
  new NruncError('ERR_CONFIG_INVALID', `${reason} (field ${field})`, { field, operand })
