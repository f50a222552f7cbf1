import { describe, expect, test } from 'vitest'
import { problemsOf, specWith } from './helpers.ts'

const without = (...types: string[]) =>
  ['pid', 'network', 'ipc', 'uts', 'mount'].filter((type) => !types.includes(type)).map((type) => ({ type }))
const all = without()
const map = (...ranges: readonly (readonly [number, number, number])[]) =>
  ranges.map(([containerID, hostID, size]) => ({ containerID, hostID, size }))
const bind = (...options: string[]) => ({ destination: '/a', source: '/b', options })
const inUserNamespace = (changes: Readonly<Record<string, unknown>> = {}) => specWith({
  '/linux/namespaces': [...all, { type: 'user' }],
  '/linux/uidMappings': map([0, 1000, 10]),
  '/linux/gidMappings': map([0, 1000, 10]),
  ...changes,
})
const device = (changes: object) => specWith({
  '/linux/devices': [{ type: 'c', path: '/dev/fuse', major: 10, minor: 229, ...changes }],
})
const deviceRule = (changes: object) => specWith({
  '/linux/resources/devices': [{ allow: true, access: 'rw', ...changes }],
})
const resources = (value: object) => specWith({ '/linux/resources': value })
const sysctl = (name: string, namespaces: unknown = all) =>
  specWith({ '/linux/namespaces': namespaces, '/linux/sysctl': { [name]: '1' } })
const hooks = (kind: string, hook: object) => specWith({ '/hooks': { [kind]: [{ path: '/bin/true' }, hook] } })
const utf8 = (length: number) => 'é'.repeat(length / 2)

describe('a config is refused', () => {
  test.each<[string, unknown, string]>([
    ['version', specWith({ '/ociVersion': '2.0.0' }),
      '/ociVersion: unsupported version "2.0.0", it must be a semantic version 1.x.y'],
    ['version', specWith({ '/ociVersion': '1.0' }),
      '/ociVersion: unsupported version "1.0", it must be a semantic version 1.x.y'],
    ['version', specWith({ '/ociVersion': '1.0.0\n' }),
      '/ociVersion: unsupported version "1.0.0\\n", it must be a semantic version 1.x.y'],
    ['root', specWith({ '/root/path': '' }), '/root/path: root path must not be empty'],
    ['annotations', specWith({ '/annotations': { '': 'x' } }), '/annotations/: annotation name must not be empty'],

    ['cwd', specWith({ '/process/cwd': '' }), '/process/cwd: cwd property must not be empty'],
    ['cwd', specWith({ '/process/cwd': 'tmp' }), '/process/cwd: cwd must be an absolute path'],
    ['args', specWith({ '/process/args': [] }), '/process/args: args must not be empty'],
    ['user', specWith({ '/process/user/uid': 4294967295 }), '/process/user/uid: invalid id 4294967295: it stands for no id'],
    ['user', specWith({ '/process/user/gid': 4294967295 }), '/process/user/gid: invalid id 4294967295: it stands for no id'],
    ['user', specWith({ '/process/user/additionalGids': [5, 4294967295] }),
      '/process/user/additionalGids/1: invalid id 4294967295: it stands for no id'],
    ['env', specWith({ '/process/env': ['A=1', 'secret'] }),
      "/process/env/1: invalid environment variable: missing '='"],
    ['env', specWith({ '/process/env': ['=1'] }), '/process/env/0: invalid environment variable: name cannot be empty'],
    ['rlimits', specWith({ '/process/rlimits': [{ type: 'RLIMIT_FOO', soft: 1, hard: 1 }] }),
      '/process/rlimits/0/type: wrong rlimit value: RLIMIT_FOO'],
    ['rlimits', specWith({ '/process/rlimits': [1, 2].map((soft) => ({ type: 'RLIMIT_CPU', soft, hard: 2 })) }),
      '/process/rlimits/1/type: duplicate rlimit RLIMIT_CPU'],
    ['rlimits', specWith({ '/process/rlimits': [{ type: 'RLIMIT_CPU', soft: 18446744073709551615n, hard: 2 }] }),
      '/process/rlimits/0/soft: soft limit 18446744073709551615 is above the hard limit 2'],
    ['scheduler', specWith({ '/process/scheduler': { policy: 'SCHED_OTHER', nice: 20 } }),
      '/process/scheduler/nice: invalid scheduler.nice: 20'],
    ['scheduler', specWith({ '/process/scheduler': { policy: 'SCHED_BATCH', priority: 1 } }),
      '/process/scheduler/priority: scheduler.priority can only be specified for SchedFIFO or SchedRR policy'],
    ['scheduler', specWith({ '/process/scheduler': { policy: 'SCHED_RR', priority: 1, period: 1n } }),
      '/process/scheduler: scheduler runtime/deadline/period can only be specified for SchedDeadline policy'],
    ['scheduler', specWith({ '/process/scheduler': { policy: 'SCHED_FIFO' } }),
      '/process/scheduler/priority: invalid scheduler.priority: 0'],
    ['scheduler', specWith({ '/process/scheduler': { policy: 'SCHED_RR', priority: 100 } }),
      '/process/scheduler/priority: invalid scheduler.priority: 100'],
    ['ioPriority', specWith({ '/process/ioPriority': { class: 'IOPRIO_CLASS_BE', priority: 8 } }),
      '/process/ioPriority/priority: invalid ioPriority.Priority: 8'],
    ['ioPriority', specWith({ '/process/ioPriority': { class: 'IOPRIO_CLASS_IDLE', priority: -1 } }),
      '/process/ioPriority/priority: invalid ioPriority.Priority: -1'],
    ...['0-x', '3-1', '0,', ',', '-1', '65536', '0 1'].map((list): [string, unknown, string] => [
      `affinity ${list}`, specWith({ '/process/execCPUAffinity': { initial: list } }),
      `/process/execCPUAffinity/initial: bad CPU affinity: invalid CPU list "${list}", it must be as 0-3,7`,
    ]),
    ['a network device in the network of the host', specWith({
      '/linux/netDevices': { eth0: {} }, '/linux/namespaces': without('network'),
    }), '/linux/netDevices: unable to move network devices without a private NET namespace'],
    ['a network device in a namespace that only init can make', specWith({
      '/linux/netDevices': { eth0: {} }, '/linux/namespaces': [...without('user'), { type: 'user', path: '/proc/1/ns/user' }],
    }), '/linux/netDevices: unable to move network devices into a new NET namespace of a joined USER namespace'],
    ...['', 'a/b', 'a:b', 'a b', '.', '..', 'sixteen-letters0', 'eth%d'].map((name): [string, unknown, string] => [
      `network device ${name}`, specWith({ '/linux/netDevices': { [name]: {} } }),
      `/linux/netDevices/${name.replace('/', '~1')}: invalid network device name "${name}"`,
    ]),
    ...['a/b', 'ä'.repeat(8), 'eth%s', '%d%d'].map((name): [string, unknown, string] => [
      `name of a network device ${name}`, specWith({ '/linux/netDevices': { eth0: { name } } }),
      `/linux/netDevices/eth0/name: invalid network device name "${name}"`,
    ]),
    ['two network devices of one name', specWith({ '/linux/netDevices': { eth0: {}, eth1: { name: 'eth0' } } }),
      '/linux/netDevices/eth1/name: network device name "eth0" is that of "eth0" too'],
    ...['.', '..', 'a/b', '/a', 'a/'].map((closID): [string, unknown, string] => [
      `class of service ${closID}`, specWith({ '/linux/intelRdt': { closID } }),
      `/linux/intelRdt/closID: invalid intelRdt.ClosID "${closID}"`,
    ]),
    ['schemata of several lines', specWith({ '/linux/intelRdt': { schemata: ['L3:0=f', 'MB:0=1\nMB:1=1'] } }),
      '/linux/intelRdt/schemata/1: an entry of schemata must be one line'],
    ['memory policy without nodes', specWith({ '/linux/memoryPolicy': { mode: 'MPOL_BIND' } }),
      '/linux/memoryPolicy/nodes: memory policy mode MPOL_BIND requires at least one node but got 0'],
    ['memory policy with nodes', specWith({ '/linux/memoryPolicy': { mode: 'MPOL_LOCAL', nodes: '0' } }),
      '/linux/memoryPolicy/nodes: memory policy mode MPOL_LOCAL requires 0 nodes'],
    ['memory policy with bad nodes', specWith({ '/linux/memoryPolicy': { mode: 'MPOL_BIND', nodes: '0-' } }),
      '/linux/memoryPolicy/nodes: invalid memory policy nodes "0-", they must be as 0-1,3'],
    ['memory policy flags', specWith({
      '/linux/memoryPolicy': { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_RELATIVE_NODES', 'MPOL_F_STATIC_NODES'] },
    }), '/linux/memoryPolicy/flags: MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES are mutually exclusive'],
    ['personality flags', specWith({ '/linux/personality': { domain: 'LINUX', flags: ['X'] } }),
      '/linux/personality/flags: personality flags are not supported'],

    ['namespaces', specWith({ '/linux/namespaces': [...all, { type: 'pid', path: '/proc/1/ns/pid' }] }),
      '/linux/namespaces/5/type: malformed spec file: duplicated ns "pid"'],
    ['namespaces', specWith({ '/linux/namespaces': [...without('pid'), { type: 'pid', path: 'ns/pid' }] }),
      '/linux/namespaces/4/path: namespace path "ns/pid" must be absolute'],
    ['hostname', specWith({ '/linux/namespaces': without('uts') }),
      '/hostname: unable to set hostname without a private UTS namespace'],
    ['hostname', specWith({ '/hostname': utf8(66) }), '/hostname: hostname is longer than 64 bytes'],
    ['domainname', specWith({ '/linux/namespaces': without('uts'), '/hostname': undefined, '/domainname': 'd' }),
      '/domainname: unable to set domainname without a private UTS namespace'],
    ['domainname', specWith({ '/domainname': utf8(66) }), '/domainname: domainname is longer than 64 bytes'],
    ['maskedPaths', specWith({ '/linux/namespaces': without('mount'), '/linux/readonlyPaths': [] }),
      '/linux/maskedPaths: unable to restrict sys entries without a private MNT namespace'],
    ['readonlyPaths', specWith({ '/linux/namespaces': without('mount'), '/linux/maskedPaths': undefined }),
      '/linux/readonlyPaths: unable to restrict sys entries without a private MNT namespace'],
    ['maskedPaths', specWith({ '/linux/maskedPaths': ['/a', 'b'] }), '/linux/maskedPaths/1: path "b" must be absolute'],
    ['readonlyPaths', specWith({ '/linux/readonlyPaths': [''] }), '/linux/readonlyPaths/0: path "" must be absolute'],

    ['user namespace', specWith({ '/linux/uidMappings': map([0, 0, 1]) }),
      "/linux/uidMappings: user namespace mappings specified, but USER namespace isn't enabled in the config"],
    ['user namespace', specWith({ '/linux/gidMappings': map([0, 0, 1]) }),
      "/linux/gidMappings: user namespace mappings specified, but USER namespace isn't enabled in the config"],
    ['user namespace', inUserNamespace({ '/linux/uidMappings': undefined }),
      '/linux/uidMappings: user namespaces enabled, but no uid mappings found'],
    ['user namespace', inUserNamespace({ '/linux/gidMappings': [] }),
      '/linux/gidMappings: user namespaces enabled, but no gid mappings found'],
    ['time namespace', specWith({ '/linux/timeOffsets': { boottime: { secs: 1 } } }),
      "/linux/timeOffsets: time namespace offsets specified, but time namespace isn't enabled in the config"],

    ['mappings', inUserNamespace({ '/linux/uidMappings': map([0, 1000, 10], [20, 2000, 0]) }),
      '/linux/uidMappings/1/size: size of a mapping must be greater than zero'],
    ['mappings', inUserNamespace({ '/linux/uidMappings': map([0, 1000, 10], [10, 4294967295, 1]) }),
      '/linux/uidMappings/1/size: mapping ends beyond the last id'],
    ['mappings', inUserNamespace({ '/linux/gidMappings': map([9, 2000, 2], [0, 1000, 10]) }),
      '/linux/gidMappings/1/containerID: mapping overlaps mapping 0'],
    ['mappings', inUserNamespace({ '/linux/gidMappings': map([0, 1000, 10], [10, 990, 11]) }),
      '/linux/gidMappings/1/hostID: mapping overlaps mapping 0'],
    ['mappings', inUserNamespace({ '/linux/uidMappings': map([0, 1000, 10], [11, 2000, 1], [1, 3000, 1]) }),
      '/linux/uidMappings/2/containerID: mapping overlaps mapping 0'],
    ['mappings', inUserNamespace({
      '/linux/uidMappings': map(...Array.from({ length: 341 }, (_, i) => [i, i, 1] as const)),
    }),
      '/linux/uidMappings: has more than 340 mappings'],
    ['mappings', specWith({
      '/mounts': [{ destination: '/a', source: '/b', options: ['bind'], uidMappings: map([0, 0, 0]), gidMappings: map([0, 0, 1]) }],
    }),
      '/mounts/0/uidMappings/0/size: size of a mapping must be greater than zero'],
    ['mapped user', inUserNamespace({ '/process/user': { uid: 10, gid: 0 } }),
      '/process/user/uid: user namespaces enabled, but no mapping found for uid 10'],
    ['mapped user', inUserNamespace({ '/process/user': { uid: 0, gid: 10 } }),
      '/process/user/gid: user namespaces enabled, but no mapping found for gid 10'],
    ['mapped user', inUserNamespace({ '/process/user': { uid: 0, gid: 0, additionalGids: [9, 10] } }),
      '/process/user/additionalGids/1: user namespaces enabled, but no mapping found for gid 10'],
    ['mapped options', inUserNamespace({ '/linux/gidMappings': map([0, 1000, 5]) }),
      '/mounts/2/options/5: cannot specify gid=5 mount option: '
        + 'user namespaces enabled, but no mapping found for gid 5'],

    ['mounts', specWith({ '/mounts': [{ destination: '' }] }),
      '/mounts/0/destination: mount destination must not be empty'],
    ['mounts', specWith({ '/mounts': [{ destination: '/a', options: ['ro', 'rbind'] }] }),
      '/mounts/0/source: source of a bind mount must not be empty'],
    ['mounts', specWith({ '/mounts': [{ ...bind('rbind'), uidMappings: map([0, 0, 1]), gidMappings: [] }] }),
      '/mounts/0/uidMappings: id-mapped mounts must have both uid and gid mappings specified'],
    ['mounts', specWith({ '/mounts': [{ ...bind('rbind'), gidMappings: map([0, 0, 1]) }] }),
      '/mounts/0/gidMappings: id-mapped mounts must have both uid and gid mappings specified'],
    ['mounts', specWith({ '/mounts': [bind('bind', 'idmap')] }),
      '/mounts/0/options/1: id-mapped mounts must have both uid and gid mappings specified'],
    ['mounts', specWith({ '/mounts': [{ ...bind('ro'), type: 'tmpfs', uidMappings: map([0, 0, 1]), gidMappings: map([0, 0, 1]) }] }),
      '/mounts/0/uidMappings: id-mapped mounts are only supported for bind-mounts'],
    ['mounts', inUserNamespace({ '/mounts': [{ destination: '/a', type: 'tmpfs', options: ['ridmap'] }] }),
      '/mounts/0/options/0: id-mapped mounts are only supported for bind-mounts'],
    ['mounts', inUserNamespace({ '/mounts': [bind('remount', 'bind', 'idmap')] }),
      '/mounts/0/options/2: id-mapped mounts are only supported for bind-mounts'],
    ['mounts', specWith({ '/mounts': [bind('rbind', 'tmpcopyup')] }),
      '/mounts/0/options/1: tmpcopyup is only supported for tmpfs mounts'],
    ['mounts', specWith({ '/mounts': [{ destination: '/a', type: 'ramfs', options: ['tmpcopyup'] }] }),
      '/mounts/0/options/0: tmpcopyup is only supported for tmpfs mounts'],

    ['sysctl', sysctl('kernel.shmmax', without('ipc')),
      '/linux/sysctl/kernel.shmmax: sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace'],
    ['sysctl', sysctl('fs/mqueue/msg_max', without('ipc')),
      '/linux/sysctl/fs~1mqueue~1msg_max: sysctl "fs.mqueue.msg_max" is not allowed in the hosts ipc namespace'],
    ['sysctl', sysctl('net.ipv4.ip_forward', without('network')),
      '/linux/sysctl/net.ipv4.ip_forward: sysctl "net.ipv4.ip_forward" not allowed in host network namespace'],
    ['sysctl', sysctl('user.max_mnt_namespaces'),
      '/linux/sysctl/user.max_mnt_namespaces: sysctl "user.max_mnt_namespaces" is not allowed '
        + 'in the hosts user namespace'],
    ['sysctl', sysctl('kernel.hostname'),
      '/linux/sysctl/kernel.hostname: sysctl "kernel.hostname" is not allowed '
        + 'as it conflicts with the OCI "hostname" field'],
    ['sysctl', sysctl('kernel.panic'),
      '/linux/sysctl/kernel.panic: sysctl "kernel.panic" is not in a separate kernel namespace'],
    ['sysctl', sysctl('net/../kernel/core_pattern'),
      '/linux/sysctl/net~1..~1kernel~1core_pattern: invalid sysctl name "net/../kernel/core_pattern"'],
    ['sysctl', sysctl('net.//.kernel.core_pattern'),
      '/linux/sysctl/net.~1~1.kernel.core_pattern: invalid sysctl name "net.//.kernel.core_pattern"'],
    ['sysctl', sysctl('net.'), '/linux/sysctl/net.: invalid sysctl name "net."'],

    ['devices', device({ path: 'fuse' }), '/linux/devices/0/path: device path "fuse" must be absolute'],
    ['devices', device({ major: undefined }), '/linux/devices/0/major: is required for a device of type c'],
    ['devices', device({ type: 'b', minor: undefined }), '/linux/devices/0/minor: is required for a device of type b'],
    ['devices', device({ minor: -1 }), '/linux/devices/0/minor: invalid device number -1'],
    ['device rules', deviceRule({ type: 'p' }), '/linux/resources/devices/0/type: invalid cgroup device type "p"'],
    ['device rules', deviceRule({ access: undefined }),
      '/linux/resources/devices/0/access: device access at 0 field cannot be empty'],
    ['device rules', deviceRule({ major: -2 }), '/linux/resources/devices/0/major: invalid device number -2'],
    ['device rules', deviceRule({ minor: 2 ** 32 }), '/linux/resources/devices/0/minor: invalid device number 4294967296'],
    ['swappiness', resources({ memory: { swappiness: 101 } }),
      '/linux/resources/memory/swappiness: invalid memory swappiness value: 101 (valid range is 0-100)'],
    ['block weights', resources({ blockIO: { weight: 9 } }), '/linux/resources/blockIO/weight: invalid weight 9 (valid range is 10-1000)'],
    ['block weights', resources({ blockIO: { leafWeight: 1001 } }),
      '/linux/resources/blockIO/leafWeight: invalid weight 1001 (valid range is 10-1000)'],
    ['block weights', resources({ blockIO: { weightDevice: [{ major: 8, minor: 0, weight: 5 }] } }),
      '/linux/resources/blockIO/weightDevice/0/weight: invalid weight 5 (valid range is 10-1000)'],
    ['block weights', resources({ blockIO: { weightDevice: [{ major: 8, minor: 0 }] } }),
      '/linux/resources/blockIO/weightDevice/0: at least one of weight and leafWeight must be specified'],
    ['block devices', resources({ blockIO: { weightDevice: [{ major: -1, minor: 0, weight: 10 }] } }),
      '/linux/resources/blockIO/weightDevice/0/major: invalid device number -1'],
    ['block devices', resources({ blockIO: { throttleWriteIOPSDevice: [{ major: 8, minor: 2 ** 32, rate: 1 }] } }),
      '/linux/resources/blockIO/throttleWriteIOPSDevice/0/minor: invalid device number 4294967296'],
    ['rdma', resources({ rdma: { 'a/b': {} } }), '/linux/resources/rdma/a~1b: at least one of hcaHandles and hcaObjects must be specified'],
    ['time offsets', specWith({ '/linux/namespaces': [...all, { type: 'time' }], '/linux/timeOffsets': { boottime: { nanosecs: 1e9 } } }),
      '/linux/timeOffsets/boottime/nanosecs: nanosecs must be below a second (1000000000), not 1000000000'],
    ['hook output', specWith({ '/annotations': { 'run.oci.hooks.stderr': 'log' } }),
      '/annotations/run.oci.hooks.stderr: "log" must be an absolute path'],
    ['hook output', specWith({ '/annotations': { 'run.oci.hooks.stdout': '/log\0' } }), '/annotations/run.oci.hooks.stdout: contains null byte'],
    ['device rules', deviceRule({ access: 'rx' }), '/linux/resources/devices/0/access: invalid device access "rx"'],

    ['cgroup', specWith({ '/linux/cgroupsPath': '/a/../../b' }),
      '/linux/cgroupsPath: cgroupsPath "/a/../../b" must not contain ".."'],
    ['unified', specWith({ '/linux/resources/unified': { '../memory.max': '1' } }),
      '/linux/resources/unified/..~1memory.max: unified resource "../memory.max" must be a file name (no slashes)'],
    ['seccomp', specWith({
      '/linux/seccomp': { defaultAction: 'SCMP_ACT_LOG', syscalls: [{ names: [], action: 'SCMP_ACT_LOG' }] },
    }),
      '/linux/seccomp/syscalls/0/names: names must not be empty'],
    ['seccomp', specWith({ '/linux/seccomp': { defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: '/a' } }),
      '/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY cannot be used as default action'],
    ['seccomp', specWith({
      '/linux/seccomp': {
        defaultAction: 'SCMP_ACT_LOG', listenerPath: '/a', syscalls: [{ names: ['read', 'write'], action: 'SCMP_ACT_NOTIFY' }],
      },
    }), '/linux/seccomp/syscalls/0/names/1: SCMP_ACT_NOTIFY cannot be used for the write syscall'],
    ['seccomp', specWith({ '/linux/seccomp': { defaultAction: 'SCMP_ACT_LOG', listenerPath: 'a' } }),
      '/linux/seccomp/listenerPath: listenerPath must be an absolute path'],
    ['seccomp', specWith({ '/linux/seccomp': { defaultAction: 'SCMP_ACT_KILL', defaultErrnoRet: 1 } }),
      '/linux/seccomp/defaultErrnoRet: errnoRet cannot be used with SCMP_ACT_KILL'],
    ['seccomp', specWith({
      '/linux/seccomp': { defaultAction: 'SCMP_ACT_LOG', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 4096 }] },
    }), '/linux/seccomp/syscalls/0/errnoRet: errnoRet of SCMP_ACT_ERRNO must not be above 4095, not 4096'],
    ['seccomp', specWith({
      '/linux/seccomp': { defaultAction: 'SCMP_ACT_LOG', syscalls: [{ names: [''], action: 'SCMP_ACT_KILL' }] },
    }), '/linux/seccomp/syscalls/0/names/0: empty string is not a valid syscall'],
    ['seccomp', specWith({ '/linux/seccomp': { defaultAction: 'SCMP_ACT_LOG', listenerMetadata: 'x' } }),
      '/linux/seccomp/listenerMetadata: listenerMetadata must not be set without listenerPath'],

    ['hooks', hooks('prestart', { path: 'true' }), '/hooks/prestart/1/path: hook path "true" must be absolute'],
    ['hooks', hooks('createRuntime', { path: '' }), '/hooks/createRuntime/1/path: hook path "" must be absolute'],
    ['hooks', hooks('createContainer', { path: '/a', timeout: 0 }),
      '/hooks/createContainer/1/timeout: hook timeout must be greater than zero'],
    ['hooks', hooks('startContainer', { path: '/a', timeout: -5 }),
      '/hooks/startContainer/1/timeout: hook timeout must be greater than zero'],
    ['hooks', hooks('poststart', { path: '/a', timeout: 0 }),
      '/hooks/poststart/1/timeout: hook timeout must be greater than zero'],
    ['hooks', hooks('poststop', { path: '/a', timeout: 0 }),
      '/hooks/poststop/1/timeout: hook timeout must be greater than zero'],
  ])('%s: %#', (_, value, problem) => {
    expect(problemsOf(value)).toEqual([problem])
  })
})

describe('a config is accepted', () => {
  test.each<[string, unknown]>([
    ['a pre-release and a build of version 1', specWith({ '/ociVersion': '1.0.2-dev.1+x.9' })],
    ['a later minor version', specWith({ '/ociVersion': '1.17.0' })],
    ['no process', specWith({ '/process': undefined })],
    ['no linux, no host name', specWith({ '/linux': undefined, '/hostname': undefined })],
    ['an empty host name without a uts namespace', specWith({ '/hostname': '', '/linux/namespaces': without('uts') })],
    ['a host name of 64 bytes in a joined namespace', specWith({
      '/hostname': utf8(64), '/linux/namespaces': [...without('uts'), { type: 'uts', path: '/proc/1/ns/uts' }],
    })],
    ['an empty namespace path', specWith({ '/linux/namespaces': all.map((entry) => ({ ...entry, path: '' })) })],
    ['empty lists of paths without a mount namespace', specWith({
      '/linux/namespaces': without('mount'), '/linux/maskedPaths': [], '/linux/readonlyPaths': [],
    })],
    ['empty mappings without a user namespace', specWith({ '/linux/uidMappings': [], '/linux/gidMappings': [] })],
    ['a joined user namespace without mappings, and with any user', specWith({
      '/linux/namespaces': [...all, { type: 'user', path: '/proc/1/ns/user' }], '/process/user': { uid: 77, gid: 77 },
    })],
    ['mappings that touch', inUserNamespace({ '/linux/uidMappings': map([10, 0, 10], [0, 10, 10]) })],
    ['a mapping of every id', inUserNamespace({ '/linux/uidMappings': map([0, 0, 4294967295]) })],
    ['an unmapped id as an option of a bind mount', inUserNamespace({
      '/mounts': [{ destination: '/a', source: '/a', options: ['bind', 'uid=99'] }],
    })],
    ['empty time offsets', specWith({ '/linux/timeOffsets': {} })],
    ['a remount without a source', specWith({ '/mounts': [{ destination: '/', options: ['remount', 'bind', 'ro'] }] })],
    ['sysctls of namespaces of its own', specWith({
      '/linux/namespaces': [...all, { type: 'user', path: '/proc/1/ns/user' }],
      '/linux/sysctl': {
        'net.ipv4.ip_forward': '1', 'net/ipv4/conf/eno2.100/rp_filter': '1', 'kernel.msgmax': '1',
        'fs.mqueue.queues_max': '1', 'kernel.domainname': 'x', 'user.max_mnt_namespaces': '9',
      },
    })],
    ['a sysctl of a joined network namespace', sysctl(
      'net.core.somaxconn', [{ type: 'network', path: '/n' }, { type: 'uts' }, { type: 'mount' }])],
    ['a FIFO without a number', device({ type: 'p', major: undefined, minor: undefined })],
    ['the file type in a mode', device({ fileMode: 0o20666 })],
    ['device rules as docker writes them', specWith({
      '/linux/resources/devices': [
        { allow: false, access: 'rwm' }, { allow: true, type: 'c', major: 5, minor: 1, access: 'rwm' },
        { allow: true, type: 'a', major: -1, minor: -1, access: 'm' }, { allow: true, type: '', access: 'r' },
      ],
    })],
    ['an inherited swappiness, the ends of the ranges', resources({
      memory: { swappiness: 18446744073709551615n }, blockIO: { weight: 10, leafWeight: 1000, weightDevice: [{ major: 0, minor: 0, leafWeight: 10 }] },
      rdma: { mlx5_0: { hcaObjects: 0 } },
    })],
    ['a slice of systemd', specWith({ '/linux/cgroupsPath': 'system.slice:docker:1234' })],
    ['a relative cgroup path with dots', specWith({ '/linux/cgroupsPath': 'a..b/...' })],
    ['zero for unset, as clients write it', specWith({
      '/linux/resources': {
        memory: { limit: 0, swap: 0, disableOOMKiller: false }, cpu: { shares: 0, cpus: '' }, pids: {},
        blockIO: { weight: 0 },
      },
      '/linux/rootfsPropagation': '', '/process/apparmorProfile': '',
    })],
    ['equal limits', specWith({
      '/process/rlimits': [{ type: 'RLIMIT_CPU', soft: 18446744073709551615n, hard: 18446744073709551615n }],
    })],
    ['what only other platforms use is accepted', specWith({
      '/process/commandLine': 'x', '/process/user': { uid: 0, gid: 0, username: 'x' },
    })],
    ['network devices', specWith({
      '/linux/netDevices': { eth0: {}, eth1: { name: 'net%d' }, eth2: { name: 'net%d' }, 'eth2.100': { name: '' } },
    })],
    ['the default class of service', specWith({ '/linux/intelRdt': { closID: '/' } })],
    ['CPU lists', specWith({ '/process/execCPUAffinity': { initial: ' 0-3, 7 ', final: '' } })],
    ['a preferred node or none', specWith({ '/linux/memoryPolicy': { mode: 'MPOL_PREFERRED' } })],
    ['kept parameters', specWith({
      '/process/scheduler': { policy: 'SCHED_FIFO', flags: ['SCHED_FLAG_KEEP_PARAMS'] },
    })],
    ['a deadline', specWith({
      '/process/scheduler': { policy: 'SCHED_DEADLINE', runtime: 1, deadline: 2, period: 3 },
    })],
  ])('%s', (_, value) => {
    expect(problemsOf(value)).toEqual([])
  })
})

test('the rules report everything, those of the process first', () => {
  const value = specWith({
    '/process/cwd': 'x', '/hooks': { poststop: [{ path: 'x' }] }, '/linux/namespaces': without('uts'),
  })
  expect(problemsOf(value).map((problem) => problem.split(':')[0])).toEqual([
    '/process/cwd', '/hostname', '/hooks/poststop/0/path',
  ])
})
