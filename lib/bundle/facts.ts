/**
 * What plans depend on and only this host can tell, read once a process.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { orElse } from '../native/refused.ts'
import type { HostFacts } from '../plan/context.ts'

let facts: HostFacts | undefined

export function hostFacts(): HostFacts {
  if (facts !== undefined) return facts
  const uid = process.geteuid!()
  const helpers = uid === 0 ? {} : { uidHelper: findProgram('newuidmap'), gidHelper: findProgram('newgidmap') }
  return facts = { uid, gid: process.getegid!(), openFilesHard: openFilesHard(), ...helpers, get apparmor() { return hasAppArmor() }, get selinux() { return hasSelinux() } }
}

/** As libapparmor looks: in a container whose host has it, securityfs is not there. */
const hasAppArmor = (): boolean =>
  existsSync('/sys/kernel/security/apparmor') && read('/sys/module/apparmor/parameters/enabled').startsWith('Y')

/** As libselinux looks: without a policy everything has the kernel's own label. */
const hasSelinux = (): boolean =>
  existsSync('/sys/fs/selinux/enforce') && !['', 'kernel'].includes(read('/proc/self/attr/current').replaceAll('\0', '').trim())

const read = (path: string): string => orElse('', () => readFileSync(path, 'latin1'))

/** Whether the caller's cgroups are only those that somebody has delegated to him. */
export function isRootless(setting: boolean | 'auto'): boolean {
  return setting === 'auto' ? hostFacts().uid !== 0 || (userNamespace ??= inUserNamespace()) : setting
}

/** The same for the life of the process. */
let userNamespace: boolean | undefined

/** The first user namespace maps every id to itself; a kernel without them has no such file. user_namespaces(7) */
function inUserNamespace(): boolean {
  const map = read('/proc/self/uid_map')
  return map !== '' && !/^\s*0\s+0\s+4294967295\s*$/.test(map)
}

/** Node has raised the soft limit; the hard one is still the caller's. proc(5), limits. */
function openFilesHard(): bigint {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  return hard === undefined || hard === 'unlimited' ? (1n << 64n) - 1n : BigInt(hard)
}

/** Absolute path of a program, from PATH and from where such programs stand when PATH is empty. */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin', '/sbin', '/bin']
  return directories.filter((directory) => directory.startsWith('/')).map((directory) => `${directory}/${name}`).find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
