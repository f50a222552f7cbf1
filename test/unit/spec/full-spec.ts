/** A config with a value in every field of the specification that Linux has; valid, though no host could run it. */
const hook = [{ path: '/bin/hook', args: ['hook', 'x'], env: ['A=1'], timeout: 5 }]
const mappings = [{ containerID: 0, hostID: 1000, size: 65536 }]
const device = { major: 8, minor: 0 }

export const fullSpec = {
  ociVersion: '1.3.0',
  root: { path: 'rootfs', readonly: true },
  hostname: 'host',
  domainname: 'example.org',
  annotations: { 'org.example.key': 'value' },
  process: {
    terminal: true,
    consoleSize: { height: 24, width: 80 },
    user: { uid: 1, gid: 2, umask: 18, additionalGids: [5], username: 'x' },
    args: ['sh', '-c'],
    commandLine: 'x',
    env: ['PATH=/bin'],
    cwd: '/',
    capabilities: {
      bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'], inheritable: ['CAP_KILL'], ambient: ['CAP_KILL'],
    },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1, hard: 2 }],
    noNewPrivileges: true,
    apparmorProfile: 'p',
    selinuxLabel: 'l',
    oomScoreAdj: 5,
    scheduler: {
      policy: 'SCHED_DEADLINE', nice: 0, priority: 0, flags: ['SCHED_FLAG_RECLAIM'], runtime: 1, deadline: 2, period: 3,
    },
    ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 4 },
    execCPUAffinity: { initial: '0', final: '0-1' },
  },
  mounts: [{
    destination: '/data', source: '/srv', type: 'bind', options: ['bind', 'ro', 'idmap'], uidMappings: mappings, gidMappings: mappings,
  }],
  hooks: { prestart: [], createRuntime: [{ path: '/a' }], createContainer: [], startContainer: [], poststart: [], poststop: hook },
  linux: {
    namespaces: ['mount', 'pid', 'network', 'uts', 'ipc', 'user', 'cgroup', 'time'].map((type) => ({ type })),
    uidMappings: mappings,
    gidMappings: mappings,
    devices: [{ type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 438, uid: 0, gid: 0 }],
    netDevices: { eth0: { name: 'eth1' } },
    cgroupsPath: '/a/b',
    rootfsPropagation: 'slave',
    maskedPaths: ['/proc/kcore'],
    readonlyPaths: ['/proc/sys'],
    mountLabel: 'l',
    sysctl: { 'net.ipv4.ip_forward': '1' },
    personality: { domain: 'LINUX', flags: [] },
    timeOffsets: { monotonic: { secs: 1, nanosecs: 2 }, boottime: { secs: 1, nanosecs: 2 } },
    memoryPolicy: { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] },
    intelRdt: {
      closID: 'gold', l3CacheSchema: 'L3:0=f', memBwSchema: 'MB:0=20', schemata: ['L3:0=f'], enableMonitoring: true,
    },
    seccomp: {
      defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1, architectures: ['SCMP_ARCH_X86_64'], flags: ['SECCOMP_FILTER_FLAG_LOG'],
      listenerPath: '/run/s', listenerMetadata: 'm',
      syscalls: [{
        names: ['read'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 1, valueTwo: 2, op: 'SCMP_CMP_MASKED_EQ' }],
      }, { names: ['write'], action: 'SCMP_ACT_ERRNO', errnoRet: 2 }],
    },
    resources: {
      devices: [{ allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' }],
      memory: {
        limit: 4096, reservation: 1, swap: 8192, kernel: 1, kernelTCP: 1, swappiness: 50, disableOOMKiller: false, useHierarchy: true,
        checkBeforeUpdate: true,
      },
      cpu: {
        shares: 1024, quota: 1000, burst: 10, period: 1000, realtimeRuntime: 1, realtimePeriod: 1, cpus: '0', mems: '0', idle: 0,
      },
      pids: { limit: 5 },
      blockIO: {
        weight: 10, leafWeight: 10, weightDevice: [{ ...device, weight: 500, leafWeight: 300 }],
        throttleReadBpsDevice: [{ ...device, rate: 1 }], throttleWriteBpsDevice: [{ ...device, rate: 1 }],
        throttleReadIOPSDevice: [{ ...device, rate: 1 }], throttleWriteIOPSDevice: [{ ...device, rate: 1 }],
      },
      hugepageLimits: [{ pageSize: '2MB', limit: 0 }],
      network: { classID: 1, priorities: [{ name: 'eth0', priority: 1 }] },
      rdma: { mlx5_0: { hcaHandles: 1, hcaObjects: 2 } },
      unified: { 'memory.high': '1' },
    },
  },
}
