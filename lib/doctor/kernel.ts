/** What the kernel has. Pure. */
import type { KernelFeature } from '../native/addon.ts'
import { area, type Check, type Look } from './check.ts'

const { ok, limited, missing } = area('kernel')

/** System calls: name, what it is for, the version that brought it, whether nothing goes without it. */
const calls: readonly (readonly [KernelFeature, string, string, string, boolean])[] = [
  ['clone3', 'clone3', 'containers are made with it', '5.3', true],
  ['openat2', 'openat2', 'safe paths in the root file system', '5.6', true],
  ['pidfdOpen', 'pidfd_open', 'safe signals and exits', '5.3', true],
  ['closeRange', 'close_range', 'no descriptor leaks into a container', '5.9', true],
  ['openTree', 'open_tree', 'bind mounts by descriptor', '5.2', true],
  ['mountSetattr', 'mount_setattr', 'recursive mount options and id-mapped mounts', '5.12', false],
  ['cloneIntoCgroup', 'CLONE_INTO_CGROUP', 'entering a cgroup2', '5.7', false],
]

export function kernelChecks(look: Look): Check[] {
  const { addon } = look
  return [
    ok('version', `Linux ${look.release}`),
    ...(typeof addon === 'string' ? [] : calls.map(([feature, name, use, since, needed]): Check => {
      const errno = addon[feature]
      if (errno === '') return ok(name, use, { needed })
      const advice = errno === 'EPERM' ? 'a seccomp filter on this process forbids it: allow it there' : `use Linux ${since} or newer`
      return missing(name, `${use} (${errno})`, { needed, advice })
    })),
    ...namespaceChecks(look), ...seccompChecks(look), ...memoryFileChecks(look),
  ]
}

const namespaces = { mnt: true, pid: true, uts: true, ipc: true, net: true, user: false, cgroup: false, time: false }

function namespaceChecks(look: Look): Check[] {
  const lacking = Object.entries(namespaces).filter(([file]) => !look.exists(`/proc/self/ns/${file}`))
  if (lacking.length === 0) return [ok('namespaces', Object.keys(namespaces).join(' '))]
  const names = lacking.map(([file]) => file).join(' ')
  const needed = lacking.some(([, one]) => one)
  return [missing('namespaces', `without ${names}`, { needed, advice: 'use a kernel that is built with them' })]
}

function seccompChecks(look: Look): Check[] {
  const actions = look.read('/proc/sys/kernel/seccomp/actions_avail')?.trim()
  if (actions === undefined) return [missing('seccomp', 'linux.seccomp cannot be used', { advice: 'use a kernel with CONFIG_SECCOMP_FILTER' })]
  return [actions.split(' ').includes('user_notif') ? ok('seccomp', actions) : limited('seccomp', `${actions}; no SCMP_ACT_NOTIFY`)]
}

/** vm.memfd_noexec 2 forbids programs in memory files; init then comes from an unlinked file. */
function memoryFileChecks({ read, addon }: Look): Check[] {
  if (typeof addon === 'string') return []
  const setting = read('/proc/sys/vm/memfd_noexec')?.trim()
  const advice = 'set vm.memfd_noexec to 0 or 1, or mount /run or /tmp without noexec'
  if (addon.initImage !== '') return [missing('memfd', `init cannot be executed (${addon.initImage})`, { needed: true, advice })]
  if (setting === '2') return [limited('memfd', 'vm.memfd_noexec=2: init is an unlinked file, copied for each container', { advice })]
  return [ok('memfd', 'init is a sealed memory file')]
}
