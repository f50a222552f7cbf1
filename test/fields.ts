/**
 * Which test shows that a field of config.json does what it says: the table in docs/config.md (`npm run docs`). A key is
 * the JSON pointer of a field, `*` for any index or name, or of an object with all of its fields; of several that fit,
 * the longest counts. A value lists tests as `FILE: TITLE`, the file below test/, the title as it stands there. Where a
 * test can look from inside a container, it does.
 */
export const fieldTests: Readonly<Record<string, readonly string[]>> = {
  '/ociVersion': ['unit/spec/schema.test.ts: good-spec-example'],
  '/root/path': ['integration/lifecycle.test.ts: started: the program runs, and its output and exit code arrive'],
  '/root/readonly': ['integration/default-spec.test.ts: a read-only root file system, and one that is not'],
  '/hostname': ['integration/default-spec.test.ts: the host name of the spec'],
  '/domainname': ['integration/default-spec.test.ts: the host name of the spec'],
  '/annotations': [
    'integration/annotations.test.ts: run.oci.keep_original_groups: the groups of the caller, for exec too',
    'integration/annotations.test.ts: run.oci.pidfd_receiver: a socket gets a pidfd of the process',
    'integration/annotations.test.ts: run.oci.hooks.stdout and stderr: files that get what hooks of all kinds write',
    'integration/checkpoint.test.ts: org.criu.config: a file with settings for this container',
    'integration/lifecycle.test.ts: annotations are in the state'],

  '/process/args': ['integration/default-spec.test.ts: arguments, environment, directory'],
  '/process/cwd': ['integration/default-spec.test.ts: a working directory that does not exist is made'],
  '/process/env': ['integration/default-spec.test.ts: of an environment variable given twice the last one counts'],
  '/process/user': ['integration/default-spec.test.ts: user, gids and umask of the spec'],
  '/process/user/username': ['unit/spec/rules.test.ts: what only other platforms use is accepted'],
  '/process/commandLine': ['unit/spec/rules.test.ts: what only other platforms use is accepted'],
  '/process/terminal': [
    "integration/terminal.test.ts: the terminal is the container's own: stdio, /dev/console and the controlling terminal",
  ],
  '/process/consoleSize': [
    'integration/terminal.test.ts: consoleSize of the spec is the size where the user has no terminal',
  ],
  '/process/capabilities': [
    'integration/default-spec.test.ts: the capabilities of the five sets',
    'integration/default-spec.test.ts: inheritable and ambient capabilities, for a user that is not root',
    'integration/annotations.test.ts: capabilities that are unknown are told, and the container runs without them',
  ],
  '/process/rlimits': ['integration/default-spec.test.ts: the limits of the spec'],
  '/process/noNewPrivileges': ['integration/default-spec.test.ts: no_new_privs, and not without it'],
  '/process/apparmorProfile': ['integration/labels.test.ts: the program has the profile of the spec, and so has what exec adds'],
  '/process/selinuxLabel': ['integration/labels.test.ts: the program and its keyring have the label of the spec'],
  '/process/oomScoreAdj': ['security/cve-2025-52881.test.ts: oom_score_adj of the process itself is set'],
  '/process/scheduler': ['integration/scheduling.test.ts: scheduler: policy, nice, flags; times of a deadline'],
  '/process/scheduler/priority': ['integration/scheduling.test.ts: scheduler: a real-time priority'],
  '/process/ioPriority': ['integration/scheduling.test.ts: ioPriority: class and level'],
  '/process/execCPUAffinity': [
    'integration/scheduling.test.ts: execCPUAffinity: of an added process, and not of the first one',
  ],

  '/mounts/*/destination': [
    'integration/mounts.test.ts: in the order of the config: a later mount covers an earlier one',
  ],
  '/mounts/*/source': [
    'integration/mounts.test.ts: a directory of the host, there and back',
    'integration/mounts.test.ts: a source relative to the bundle',
  ],
  '/mounts/*/type': ['integration/default-mounts.test.ts: each one once, of its type and with its flags'],
  '/mounts/*/options': [
    'integration/mounts.test.ts: flags of a bind mount: %j',
    'integration/mount-options.test.ts: %s on a bind mount',
    'integration/mounts.test.ts: propagation %s',
    'integration/mounts.test.ts: tmpfs with options; without a mode it has that of the directory below',
  ],

  '/mounts/*/uidMappings': [
    "integration/idmap.test.ts: uidMappings and gidMappings are the mount's own, with and without a user namespace",
  ],
  '/mounts/*/gidMappings': [
    "integration/idmap.test.ts: uidMappings and gidMappings are the mount's own, with and without a user namespace",
  ],

  '/hooks': [
    'integration/hooks.test.ts: run in the order of the specification, around the program',
    'integration/hooks.test.ts: run() runs the same hooks',
  ],
  ...hookFields('args', 'args are argv, the path is only what is executed'),
  ...hookFields('env', 'have the environment of the spec, or a search path alone'),
  ...hookFields('timeout', 'a %s hook that takes too long is killed'),

  '/linux/namespaces/*/type': [
    "integration/default-spec.test.ts: namespaces of its own: pid, network, ipc, uts, mount; the others are the host's",
    'integration/default-spec.test.ts: a cgroup namespace where the spec has one',
    'integration/user-namespace.test.ts: is a new one, with the maps of the spec',
  ],
  '/linux/namespaces/*/path': [
    "integration/namespaces.test.ts: %s: another container's is joined, the others are new",
  ],
  '/linux/uidMappings': ['integration/user-namespace.test.ts: is a new one, with the maps of the spec'],
  '/linux/gidMappings': ['integration/user-namespace.test.ts: is a new one, with the maps of the spec'],
  '/linux/timeOffsets': [
    "integration/time-namespace.test.ts: is the container's own, with the offsets of the spec: in create, run and exec",
  ],
  '/linux/mountLabel': ['integration/labels.test.ts: new file systems and masked directories have the label of the spec'],
  '/linux/devices': [
    'integration/default-mounts.test.ts: linux.devices: made with their number, mode and owner',
    "integration/user-namespace.test.ts: linux.devices: the host's node of this number, bound; a FIFO, made",
  ],
  '/linux/sysctl': [
    'security/cve-2025-52881.test.ts: a sysctl is set in the kernel, in the namespace of the container alone',
  ],
  '/linux/rootfsPropagation': [
    'integration/propagation.test.ts: rootfsPropagation %s: what / is in the container',
    'integration/propagation.test.ts: shared: a mount that the container makes in a shared bind reaches the host',
  ],
  '/linux/netDevices/*/name': [
    'integration/net-devices.test.ts: a device keeps its name, its global addresses, its MTU, and is up',
    'integration/net-devices.test.ts: renamed, by name and by template',
  ],
  '/linux/intelRdt': ['unit/resctrl/group.test.ts: schemata of a new group: %s'],
  '/linux/intelRdt/closID': [
    'integration/resctrl.test.ts: a container is in the group of its class of service, and so is what is added to it',
    'unit/resctrl/group.test.ts: one that is there is used as it is, and stays',
  ],
  '/linux/intelRdt/enableMonitoring': ['unit/resctrl/group.test.ts: a monitoring group of its own'],
  '/linux/seccomp': ["integration/seccomp.test.ts: Docker's profile runs a shell"],
  '/linux/seccomp/defaultErrnoRet': ['integration/seccomp.test.ts: SCMP_ACT_ALLOW, and the default action for the rest'],
  '/linux/seccomp/architectures': ['integration/seccomp.test.ts: the calls of another architecture end it, unless the profile has it'],
  '/linux/seccomp/flags': ['integration/seccomp.test.ts: every flag'],
  '/linux/seccomp/listenerPath': [
    'integration/seccomp-listener.test.ts: gets the descriptor with the state of the process, and answers',
    'integration/seccomp-listener.test.ts: of a created container, before it is started; and exec has one of its own',
  ],
  '/linux/seccomp/listenerMetadata': ['integration/seccomp-listener.test.ts: gets the descriptor with the state of the process, and answers'],
  '/linux/seccomp/syscalls/*/errnoRet': ['integration/seccomp.test.ts: SCMP_ACT_ERRNO: EPERM, or errnoRet'],
  '/linux/seccomp/syscalls/*/args': ['integration/seccomp.test.ts: arguments: all 64 bits of them'],
  '/linux/memoryPolicy': ['integration/scheduling.test.ts: memoryPolicy: modes, flags and nodes, for exec too'],
  '/linux/personality/domain': ['integration/scheduling.test.ts: personality: what uname says, for exec too'],
  '/linux/personality/flags': ['unit/spec/rules.test.ts: personality flags'],
  '/linux/maskedPaths': ['integration/default-mounts.test.ts: masked paths: nothing to read, nowhere to write'],
  '/linux/readonlyPaths': ['integration/default-mounts.test.ts: read-only paths: writing is refused'],
  '/linux/cgroupsPath': [
    'integration/cgroup.test.ts: the program is in them from its first moment on',
    'integration/cgroup.test.ts: a path several levels deep',
  ],

  '/linux/resources/devices': [
    'integration/devices.test.ts: a rule allows one device, for one kind of access',
    'integration/devices.test.ts: a rule without numbers is for all of its type',
  ],
  '/linux/resources/memory/checkBeforeUpdate': [
    'integration/update.test.ts: a memory limit below the usage is refused, and all stays as it was',
    'unit/cgroup/update.test.ts: %j is refused below the usage',
  ],
  '/linux/resources/memory': ['integration/cgroup.test.ts: memory limit, reservation and swap'],
  ...group('/linux/resources/memory', ['kernel', 'kernelTCP'],
    'integration/resources.test.ts: kernel memory is ignored with a warning, and zero without one'),
  '/linux/resources/memory/useHierarchy': ['integration/resources.test.ts: memory: useHierarchy is what every kernel since 5.11 does, asked or not'],
  ...group('/linux/resources/memory', ['swappiness', 'disableOOMKiller'],
    'integration/resources.test.ts: memory: swappiness, and no OOM killer'),
  '/linux/resources/cpu': ['integration/cgroup.test.ts: cpu shares, quota and period'],
  '/linux/resources/cpu/burst': ['integration/resources.test.ts: cpu: burst'],
  '/linux/resources/cpu/idle': ['integration/resources.test.ts: cpu: idle'],
  ...group('/linux/resources/cpu', ['realtimeRuntime', 'realtimePeriod'],
    'integration/resources.test.ts: cpu: realtime period; runtime only where the parent has some'),
  '/linux/resources/cpu/cpus': ['integration/cgroup.test.ts: cpus'],
  '/linux/resources/cpu/mems': ['integration/resources.test.ts: cpu: memory nodes'],
  '/linux/resources/pids': ['integration/cgroup.test.ts: pids limit, and it holds'],
  '/linux/resources/blockIO': ['integration/resources.test.ts: blockIO: the four rates of a device'],
  ...group('/linux/resources/blockIO', ['weight', 'weightDevice'],
    'integration/resources.test.ts: blockIO: weight, of the group and of one device'),
  ...group('/linux/resources/blockIO', ['leafWeight', 'weightDevice/*/leafWeight'],
    'integration/resources.test.ts: blockIO: leaf weights, which no kernel since 5.0 has, name their field'),
  '/linux/resources/hugepageLimits': [
    'integration/cgroup.test.ts: huge pages', 'integration/resources.test.ts: huge pages: reserved ones too',
  ],
  '/linux/resources/network': ['integration/resources.test.ts: network: class and priorities'],
  '/linux/resources/rdma': [
    'unit/cgroup/limits.test.ts: rdma is the same on both versions: what is not limited is left out',
    'integration/resources.test.ts: rdma without its controller names its field',
  ],
  '/linux/resources/unified': ['integration/resources.test.ts: unified: each value in its file'],
}

/** Fields of `linux` that only one version of cgroups has; all others below `resources` work on both. */
export const cgroupVersion: Readonly<Record<string, 'v1' | 'v2'>> = {
  '/linux/resources/memory/swappiness': 'v1',
  '/linux/resources/memory/disableOOMKiller': 'v1',
  '/linux/resources/memory/useHierarchy': 'v1',
  '/linux/resources/memory/kernel': 'v1',
  '/linux/resources/memory/kernelTCP': 'v1',
  '/linux/resources/cpu/realtimeRuntime': 'v1',
  '/linux/resources/cpu/realtimePeriod': 'v1',
  '/linux/resources/blockIO/leafWeight': 'v1',
  '/linux/resources/blockIO/weightDevice/*/leafWeight': 'v1',
  '/linux/resources/network': 'v1',
  '/linux/resources/unified': 'v2',
}

function hookFields(name: string, title: string): Record<string, readonly string[]> {
  const kinds = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop']
  return Object.fromEntries(kinds.map((kind) => [`/hooks/${kind}/*/${name}`, [`integration/hooks.test.ts: ${title}`]]))
}

function group(field: string, names: readonly string[], test: string): Record<string, readonly string[]> {
  return Object.fromEntries(names.map((name) => [`${field}/${name}`, [test]]))
}
