/**
 * Every operation a plan can hold: its number, its arguments in the order in which they are encoded, and the words
 * that an error uses for it. `addon/plan/operations.h` has the same numbers; a unit test compares the two.
 *
 * Argument kinds: `text` is UTF-8 without NUL, `u32`/`i32`/`u64` are little-endian integers, `bytes` is raw data,
 * `list` is a list of texts, `numbers` is a list of u32, `slot` is the index of a descriptor that travels beside the
 * plan (`NO_SLOT` for none).
 */
import type { Limit } from '../cgroup/limit.ts'

export const NO_SLOT = 0xffffffff

type Kind = 'text' | 'u32' | 'i32' | 'u64' | 'bytes' | 'list' | 'numbers' | 'slot'

interface Definition {
  readonly code: number
  /** Who executes it: the Node process before and around the clone, or init inside the new namespaces. */
  readonly by: 'host' | 'init'
  /** What the step is called in an error message, as "cannot VERB". */
  readonly verb: string
  readonly fields: Readonly<Record<string, Kind>>
}

const define = <const T extends Record<string, Definition>>(table: T): T => table

export const operations = define({
  // --- the host, before the clone -------------------------------------------------------------------------------
  /** mkdir PATH and what is missing between ROOT and PATH. `controllers` ("+cpu +memory") is enabled in every
   *  ancestor on v2; `cpuset` 1 copies cpus and mems down on v1; an existing cgroup that holds processes is refused.
   *  `unified` 1: a cgroup2, made threaded where it cannot be a domain; 2: one whose limits need a domain. */
  makeCgroup: {
    code: 1, by: 'host', verb: 'create cgroup',
    fields: { root: 'text', path: 'text', controllers: 'text', cpuset: 'u32', unified: 'u32' },
  },
  /** Write VALUE to one file of a cgroup in a single write(2). `optional` 1: a file that does not exist is no error. */
  writeCgroup: { code: 2, by: 'host', verb: 'set', fields: { path: 'text', value: 'text', optional: 'u32' } },
  /** Load an eBPF program of type CGROUP_DEVICE and attach it to the cgroup, in the place of those that are there. */
  attachDeviceProgram: { code: 3, by: 'host', verb: 'attach the device program to', fields: { path: 'text', program: 'bytes' } },
  /** Open PATH and give it the next free slot. `type` is the CLONE_NEW* value that a namespace file must have, or 0. */
  openDescriptor: { code: 4, by: 'host', verb: 'open', fields: { path: 'text', flags: 'u32', type: 'u32' } },
  /** clone3 + execveat of init. `cgroup` is a cgroup2 directory for CLONE_INTO_CGROUP, or empty. `bare` 1: its mounts are not
   *  those of the host, see `bare-mounts.ts`. */
  clone: { code: 5, by: 'host', verb: 'clone', fields: { flags: 'u64', cgroup: 'text', bare: 'u32' } },
  /** Write the id maps of the new user namespace; through the helper programs where they are named. */
  mapIds: {
    code: 6, by: 'host', verb: 'map the ids of the user namespace',
    fields: { uidMap: 'text', gidMap: 'text', denySetgroups: 'u32', uidHelper: 'text', gidHelper: 'text' },
  },
  /** Write VALUE to oom_score_adj of the new process, with the caller's rights: a user namespace would take them away. */
  adjustOomScore: { code: 7, by: 'host', verb: 'set', fields: { value: 'text' } },
  /** Move an interface of the host into a network namespace (that of the new process where PATH is empty), rename it,
   *  keep its global addresses, set it up. Without a name it keeps its own; `eth%d` is completed by the kernel. */
  moveNetDevice: {
    code: 8, by: 'host', verb: 'move network device', fields: { device: 'text', name: 'text', path: 'text' },
  },
  /** Make a group of resctrl and write its schemata. STATUS is the file with the kernel's words for what it refuses. */
  prepareResctrl: {
    code: 12, by: 'host', verb: 'prepare resctrl group', fields: { path: 'text', schemata: 'text', status: 'text' },
  },
  /** Write the state to PATH, a new file: HEAD, and TAIL with the process in it, whose pid and start time stand there as the
   *  bytes 1 and 2. Before all others, without a process, and once again when there is one. */
  stageState: { code: 11, by: 'host', verb: 'write the state', fields: { path: 'text', head: 'text', tail: 'text' } },
  /** Give a cgroup2 and those of its files that /sys/kernel/cgroup/delegate names to UID. */
  delegateCgroup: { code: 9, by: 'host', verb: 'delegate cgroup', fields: { path: 'text', uid: 'u32' } },
  /** A detached copy of the mount at SOURCE for an idmapped mount, as the next free slot. The ids are those of the user
   *  namespace USERNAMESPACE, or where it is empty of a new one with the maps. `recursiveMap` 1: the whole tree is mapped.
   *  `propagation` (MS_SLAVE ...) is what the tree gets; 0 leaves it a peer of the host's. */
  openMappedTree: {
    code: 200, by: 'host', verb: 'map the ids of',
    fields: {
      source: 'text', recursive: 'u32', propagation: 'u32', recursiveMap: 'u32', userNamespace: 'text', uidMap: 'text',
      gidMap: 'text',
    },
  },

  /** A detached copy of the mount at SOURCE, as the next free slot; for an init whose mounts are bare. `root` 1: it is the root file
   *  system. The mount that this is in, and what else is made of it, is private, as openRoot makes it. */
  openTree: { code: 201, by: 'host', verb: 'mount', fields: { source: 'text', recursive: 'u32', propagation: 'u32', root: 'u32' } },
  /** Enable the controllers in every ancestor of a cgroup that somebody else has made, and in which init is already. */
  adoptCgroup: { code: 10, by: 'host', verb: 'take over cgroup', fields: { root: 'text', path: 'text', controllers: 'text' } },

  // --- init: namespaces ---------------------------------------------------------------------------------------
  /** Write "0" to an open `tasks` or `cgroup.procs` file. */
  joinCgroup: { code: 16, by: 'init', verb: 'join cgroup', fields: { descriptor: 'slot', path: 'text' } },
  enterNamespace: { code: 17, by: 'init', verb: 'join namespace', fields: { descriptor: 'slot', flags: 'u32', path: 'text' } },
  unshare: { code: 18, by: 'init', verb: 'unshare', fields: { flags: 'u32' } },
  /** clone(CLONE_PARENT): the rest of the plan runs in a child that is in the joined pid namespace. */
  fork: { code: 19, by: 'init', verb: 'fork into the pid namespace', fields: {} },
  /** Become uid 0 and gid 0 of the user namespace and give up the ambient capabilities. */
  becomeRoot: { code: 20, by: 'init', verb: 'become root of the user namespace', fields: {} },
  newSession: { code: 21, by: 'init', verb: 'start a session', fields: {} },
  sessionKeyring: { code: 22, by: 'init', verb: 'join session keyring', fields: { name: 'text' } },
  setHostname: { code: 23, by: 'init', verb: 'set hostname', fields: { name: 'text' } },
  setDomainname: { code: 24, by: 'init', verb: 'set domain name', fields: { name: 'text' } },
  loopbackUp: { code: 25, by: 'init', verb: 'bring up the loopback interface', fields: {} },
  /** Open timens_offsets while the rights to write it are there; setTimeOffsets writes it, after the unshare. */
  openTimeOffsets: { code: 26, by: 'init', verb: 'open the offsets of the time namespace', fields: {} },
  setTimeOffsets: { code: 27, by: 'init', verb: 'set the offsets of the time namespace', fields: { offsets: 'text' } },
  /** unshare(CLONE_NEWUSER), and the maps written by a child that stays outside. */
  newUserNamespace: { code: 28, by: 'init', verb: 'make the user namespace', fields: { uidMap: 'text', gidMap: 'text' } },

  // --- init: the root file system -----------------------------------------------------------------------------
  /** mount(NULL, "/", NULL, FLAGS): propagation of the whole tree. */
  setPropagation: { code: 32, by: 'init', verb: 'set the propagation of', fields: { flags: 'u32' } },
  /** Bind PATH onto itself and keep it open: what comes after resolves every path inside it. */
  openRoot: { code: 33, by: 'init', verb: 'prepare rootfs', fields: { path: 'text', bind: 'u32' } },
  /** The same with the tree in a slot, where the mounts are bare. */
  attachRoot: { code: 52, by: 'init', verb: 'prepare rootfs', fields: { path: 'text', tree: 'slot' } },
  /** `propagation` is applied in its order. `ordinaryDirectory` 1: no link may lead to the destination. `allowProc` 1: it
   *  may lie on a proc file system. `copyUp` 1: what the destination holds is copied into the new file system. */
  mount: {
    code: 34, by: 'init', verb: 'mount',
    fields: {
      destination: 'text', source: 'text', type: 'text', flags: 'u64', data: 'text', propagation: 'numbers',
      ordinaryDirectory: 'u32', allowProc: 'u32', copyUp: 'u32',
    },
  },
  /** Bind mount of SOURCE, or of the tree in a slot. Attributes are MOUNT_ATTR_*: `set` and `clear` change the new mount
   *  alone, the others its whole tree. */
  bindMount: {
    code: 35, by: 'init', verb: 'mount',
    fields: {
      destination: 'text', source: 'text', tree: 'slot', recursive: 'u32', set: 'u64', clear: 'u64',
      recursiveSet: 'u64', recursiveClear: 'u64', propagation: 'numbers', allowProc: 'u32',
    },
  },
  /** mknod, or with `bind` 1 a bind mount of the host's node of the same path (user namespaces may not mknod). */
  makeDevice: {
    code: 36, by: 'init', verb: 'create device',
    fields: { path: 'text', mode: 'u32', major: 'u32', minor: 'u32', uid: 'u32', gid: 'u32', bind: 'u32' },
  },
  /** `replace` 1: what stands at PATH is removed first. */
  makeSymlink: { code: 37, by: 'init', verb: 'create link', fields: { path: 'text', target: 'text', replace: 'u32' } },
  makeDirectory: { code: 38, by: 'init', verb: 'create directory', fields: { path: 'text', mode: 'u32' } },
  /** `label` is the SELinux context of the empty file system that covers directories. */
  maskPath: { code: 39, by: 'init', verb: 'mask', fields: { path: 'text', label: 'text', mount: 'slot', inside: 'text' } },
  /** PATH is looked up as INSIDE in the mount that a slot keeps, without one in the root file system. */
  readonlyPath: { code: 40, by: 'init', verb: 'make read-only', fields: { path: 'text', mount: 'slot', inside: 'text' } },
  pivotRoot: { code: 41, by: 'init', verb: 'pivot_root to', fields: { path: 'text' } },
  /** --no-pivot: move the root mount over `/` and chroot. */
  moveRoot: { code: 42, by: 'init', verb: 'move root to', fields: { path: 'text' } },
  /** Without a mount namespace of its own: chroot alone. */
  changeRoot: { code: 43, by: 'init', verb: 'change root to', fields: { path: 'text' } },
  /** Change the flags of `/` (propagation) after the pivot. */
  rootPropagation: { code: 44, by: 'init', verb: 'set the propagation of the rootfs', fields: { flags: 'u32' } },
  remountRootReadonly: { code: 45, by: 'init', verb: 'make the rootfs read-only', fields: {} },
  /** Keep what the operation before this one has mounted. */
  keepMount: { code: 51, by: 'init', verb: 'keep the mount in', fields: { slot: 'slot' } },
  /** Remount a mount made earlier with other flags, e.g. read-only once everything below it stands: INSIDE in the mount that a
   *  slot keeps, without one in the root file system; an empty INSIDE is that mount itself. */
  remount: { code: 46, by: 'init', verb: 'remount', fields: { destination: 'text', flags: 'u64', data: 'text', mount: 'slot', inside: 'text' } },
  /** Replace the flags of a mount, found as for `remount`: `set` and `clear`, or where some are locked `set` and `mustClear`. */
  remountBind: {
    code: 50, by: 'init', verb: 'remount',
    fields: {
      destination: 'text', mount: 'slot', inside: 'text', set: 'u64', clear: 'u64', mustClear: 'u64', recursiveSet: 'u64', recursiveClear: 'u64',
      propagation: 'numbers',
    },
  },
  /** The AppArmor profile that the next execve enters. */
  setAppArmorProfile: { code: 47, by: 'init', verb: 'set the apparmor profile', fields: { profile: 'text' } },
  /** Write an SELinux label to an attribute of the process (`exec`, `keycreate`); an empty one resets it. */
  setSelinuxLabel: { code: 48, by: 'init', verb: 'set the selinux label', fields: { attribute: 'text', label: 'text' } },
  /** Give a directory, the root of a mount, an SELinux label. */
  labelDirectory: { code: 49, by: 'init', verb: 'label', fields: { path: 'text', label: 'text' } },

  // --- init: the process --------------------------------------------------------------------------------------
  /** Write VALUE to a file below the host's /proc, opened before the container had any say. */
  writeProc: { code: 64, by: 'init', verb: 'write', fields: { path: 'text', value: 'text' } },
  /** A new pty of the container's devpts; its master goes to the slot, or to the host where there is none. */
  console: {
    code: 65, by: 'init', verb: 'set up the console',
    fields: { receiver: 'slot', rows: 'u32', columns: 'u32', mountConsole: 'u32', keepLineFeeds: 'u32' },
  },
  stdio: { code: 66, by: 'init', verb: 'set up stdio', fields: { input: 'slot', output: 'slot', error: 'slot' } },
  /** Give the program the descriptor as number NUMBER. */
  passDescriptor: { code: 67, by: 'init', verb: 'pass descriptor', fields: { descriptor: 'slot', number: 'u32' } },
  rlimit: { code: 68, by: 'init', verb: 'set rlimit', fields: { resource: 'u32', name: 'text', soft: 'u64', hard: 'u64' } },
  umask: { code: 69, by: 'init', verb: 'set umask', fields: { mask: 'u32' } },
  noNewPrivileges: { code: 70, by: 'init', verb: 'set no_new_privs', fields: {} },
  dropBounding: { code: 71, by: 'init', verb: 'drop the bounding capabilities', fields: { keep: 'u64' } },
  /** setgroups (unless `keepGroups` 1), setgid, setuid; capabilities are kept for setCapabilities. */
  setUser: { code: 72, by: 'init', verb: 'set the user', fields: { uid: 'u32', gid: 'u32', groups: 'numbers', keepGroups: 'u32' } },
  /** `untilExec` is kept besides, effective and permitted: execve takes it away. */
  setCapabilities: {
    code: 73, by: 'init', verb: 'set capabilities',
    fields: { effective: 'u64', permitted: 'u64', inheritable: 'u64', ambient: 'u64', untilExec: 'u64' },
  },
  /** chdir, and make sure that the result lies inside the root (CVE-2024-21626). */
  changeDirectory: { code: 74, by: 'init', verb: 'change directory to', fields: { path: 'text', tolerateDenied: 'u32' } },
  /** Look up the program in the container, in SEARCH (the value of PATH) when its name has no slash. */
  findProgram: { code: 75, by: 'init', verb: 'exec:', fields: { name: 'text', search: 'text' } },

  // --- init: the life cycle -----------------------------------------------------------------------------------
  /** The last of a plan: tell the host that the container is created, and wait for the plan of its program. */
  awaitPlan: { code: 130, by: 'init', verb: 'wait for a program', fields: {} },
  /** Close what the program must not find; awaitStart does it where there is one. */
  closeDescriptors: { code: 131, by: 'init', verb: 'close the descriptors', fields: {} },
  /** Tell the host that the runtime hooks may run, and wait for its word. */
  awaitRuntimeHooks: { code: 80, by: 'init', verb: 'wait for the runtime hooks', fields: {} },
  /** Run a hook in the container. The state on its standard input is `stateHead`, the host's pid of init, `stateTail`. */
  hook: {
    code: 81, by: 'init', verb: 'run hook',
    fields: { path: 'text', args: 'list', env: 'list', timeout: 'u32', stateHead: 'text', stateTail: 'text' },
  },
  /** Hooks that run from here on write to the files in these slots; without one into their errors. */
  hookOutput: { code: 84, by: 'init', verb: 'set the output of the hooks', fields: { output: 'slot', error: 'slot' } },
  /** Tell the host that the container is created, and wait: for the opening of the FIFO, or for the host's word. */
  awaitStart: { code: 82, by: 'init', verb: 'wait for start', fields: { fifo: 'slot' } },
  /** Send a pidfd of this process to a socket; the message is NAME. */
  sendPidfd: { code: 100, by: 'init', verb: 'send the pidfd to', fields: { receiver: 'slot', name: 'text' } },
  /** Load a filter of system calls: with `now` 1 at once, otherwise right before execve. `flags` are SECCOMP_FILTER_FLAG_*. */
  seccomp: { code: 90, by: 'init', verb: 'load the seccomp filter', fields: { program: 'bytes', flags: 'u32', now: 'u32' } },
  /** execve of the program found by findProgram. `home` 1: add HOME from the container's /etc/passwd. */
  execute: { code: 83, by: 'init', verb: 'exec', fields: { args: 'list', env: 'list', home: 'u32', uid: 'u32' } },

  // --- init: how the kernel treats the process ------------------------------------------------------------------
  /** sched_setattr(2). Times in nanoseconds. */
  scheduler: {
    code: 92, by: 'init', verb: 'set the scheduler',
    fields: { policy: 'u32', flags: 'u64', nice: 'i32', priority: 'u32', runtime: 'u64', deadline: 'u64', period: 'u64' },
  },
  /** ioprio_set(2): class and level in one number. */
  ioPriority: { code: 93, by: 'init', verb: 'set the io priority', fields: { priority: 'u32' } },
  /** sched_setaffinity(2): a bit for each CPU. */
  affinity: { code: 94, by: 'init', verb: 'set the cpu affinity', fields: { cpus: 'bytes' } },
  personality: { code: 95, by: 'init', verb: 'set the personality', fields: { persona: 'u32' } },
  /** set_mempolicy(2): mode with its flags, and a bit for each node. */
  memoryPolicy: { code: 96, by: 'init', verb: 'set the memory policy', fields: { mode: 'u32', nodes: 'bytes' } },

  // --- init: with help of the host ------------------------------------------------------------------------------
  /** Wait until the host has put this process into its cgroup. */
  awaitCgroup: { code: 101, by: 'init', verb: 'wait for the cgroup', fields: {} },
})

export type OperationName = keyof typeof operations

interface ArgumentTypes {
  text: string
  u32: number
  i32: number
  u64: bigint | number
  bytes: Uint8Array
  list: readonly string[]
  numbers: readonly number[]
  slot: number
}

/** The arguments of one kind of operation. */
export type Arguments<Name extends OperationName> = {
  -readonly [Field in keyof (typeof operations)[Name]['fields']]: (typeof operations)[Name]['fields'][Field] extends Kind
    ? ArgumentTypes[(typeof operations)[Name]['fields'][Field]]
    : never
}

/** One step of a plan. `field` is the JSON pointer (RFC 6901) of the config field that it came from, `""` for none. */
export type Operation = {
  [Name in OperationName]: { readonly op: Name; readonly field: string } & Readonly<Arguments<Name>>
}[OperationName]

/** Some of the operations that stand beside each other, made when they are asked for. */
export type Part = () => readonly Operation[]

/** What the host executes around the clone, then what init executes, in order. */
export interface Plan {
  readonly host: readonly Part[]
  readonly init: readonly Part[]
  /**
   * When systemd makes the cgroup: the limits that it is told, and what the host executes once there is one, while init
   * waits. Absent with other drivers.
   */
  readonly cgroup?: { readonly limits: readonly Limit[]; readonly prepare: readonly Operation[] } | undefined
}

/** All operations of one side of a plan. */
export const operationsOf = (parts: readonly Part[]): Operation[] => parts.flatMap((part) => part())
