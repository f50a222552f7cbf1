/** `linux` of config.json. Source: runtime-spec config-linux.md. */
import { idMappings } from './ids.ts'
import { resourcesSchema } from './resources.ts'
import type { Resources } from './resources.ts'
import { seccompSchema } from './seccomp.ts'
import type { Seccomp } from './seccomp.ts'
import { flag, int64, list, map, matching, named, oneOf, struct, text, uint32 } from './shape.ts'
import type { Output } from './shape.ts'

const namespaceType = oneOf('namespace', ['mount', 'pid', 'network', 'uts', 'ipc', 'user', 'cgroup', 'time'])
/** config-linux.md "Namespaces", namespaces(7). */
export type NamespaceType = Output<typeof namespaceType>

const namespace = struct({
  type: namespaceType,
}, {
  /** Namespace file to join, absolute; a new namespace when absent or empty. */
  path: text,
})
/** A namespace that the container does not share with the runtime. config-linux.md "Namespaces". */
export interface Namespace extends Output<typeof namespace> {}

const device = struct({
  /** `c` or `u` character, `b` block, `p` FIFO. */
  type: oneOf('device', ['c', 'b', 'u', 'p'], (value) => `invalid device type ${JSON.stringify(value)}`),
  /** Absolute, in the container. */
  path: text,
}, {
  /** Required but for a FIFO. */
  major: int64,
  minor: int64,
  /** Permissions, default 0666; the bits of the file type are ignored, clients send them. */
  fileMode: uint32,
  /** Owner in the container, default 0. */
  uid: uint32,
  gid: uint32,
})
/** A device node. config-linux.md "Devices". */
export interface Device extends Output<typeof device> {}

const netDevice = struct({}, {
  /** Its name in the container; unchanged when absent. */
  name: text,
})
/** A network interface of the host that moves into the container. config-linux.md "Network Devices". */
export interface NetDevice extends Output<typeof netDevice> {}

const timeOffset = struct({}, {
  /** Seconds. */
  secs: int64,
  /** Nanoseconds. */
  nanosecs: uint32,
})
/** Offset of one clock. config-linux.md "Offset for Time Namespace", time_namespaces(7). */
export interface TimeOffset extends Output<typeof timeOffset> {}

const timeOffsets = struct({}, {
  /** CLOCK_MONOTONIC. */
  monotonic: named<TimeOffset>(timeOffset),
  /** CLOCK_BOOTTIME. */
  boottime: named<TimeOffset>(timeOffset),
})
/** Offsets of the clocks in a new time namespace. */
export interface TimeOffsets extends Output<typeof timeOffsets> {}

const intelRdt = struct({}, {
  /** Name of the resctrl group; `/` is the default one. */
  closID: text,
  /** Lines for the schemata file. */
  schemata: list(text),
  l3CacheSchema: text,
  memBwSchema: matching(
    /^(MB:[^\n]*)?$/, (value) => `invalid memBwSchema ${JSON.stringify(value)}, it must begin with MB:`),
  enableMonitoring: flag,
})
/** config-linux.md "IntelRdt". */
export interface IntelRdt extends Output<typeof intelRdt> {}

const memoryPolicy = struct({
  /** set_mempolicy(2). */
  mode: oneOf('memory policy mode', [
    'MPOL_DEFAULT', 'MPOL_BIND', 'MPOL_INTERLEAVE', 'MPOL_WEIGHTED_INTERLEAVE', 'MPOL_PREFERRED',
    'MPOL_PREFERRED_MANY', 'MPOL_LOCAL',
  ]),
}, {
  /** Memory nodes, as `0-1`. */
  nodes: text,
  flags: list(oneOf('memory policy flag', ['MPOL_F_NUMA_BALANCING', 'MPOL_F_RELATIVE_NODES', 'MPOL_F_STATIC_NODES'])),
})
/** config-linux.md "Memory policy". */
export interface MemoryPolicy extends Output<typeof memoryPolicy> {}

const personality = struct({
  /** personality(2). */
  domain: oneOf('personality', ['LINUX', 'LINUX32'], (value) => `invalid personality domain ${value}`),
}, {
  flags: list(text),
})
/** config-linux.md "Personality". */
export interface Personality extends Output<typeof personality> {}

export const linuxSchema = struct({}, {
  /** What is not listed is shared with the runtime. */
  namespaces: list<Namespace>(namespace),
  /** User ids of a new user namespace. */
  uidMappings: idMappings,
  /** Group ids of a new user namespace. */
  gidMappings: idMappings,
  /** Made beside the default devices (null, zero, full, random, urandom, tty). */
  devices: list<Device>(device),
  /** Name of an interface of the host to its name in the container. */
  netDevices: map<NetDevice>(netDevice),
  /** A cgroup path, or `slice:prefix:name` with the systemd driver. */
  cgroupsPath: text,
  resources: named<Resources>(resourcesSchema),
  intelRdt: named<IntelRdt>(intelRdt),
  /** Name (with `.` or `/`) to value. sysctl(8). */
  sysctl: map(text),
  seccomp: named<Seccomp>(seccompSchema),
  /** Propagation of the root mount. mount_namespaces(7). */
  rootfsPropagation: oneOf('propagation', [
    '', 'private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave', 'unbindable', 'runbindable',
  ], (value) => `rootfsPropagation=${value} is not supported`),
  /** Hidden from the container; absolute, what does not exist is skipped. */
  maskedPaths: list(text),
  /** Read-only in the container; absolute, what does not exist is skipped. */
  readonlyPaths: list(text),
  /** SELinux context of the mounts. */
  mountLabel: text,
  timeOffsets: named<TimeOffsets>(timeOffsets),
  memoryPolicy: named<MemoryPolicy>(memoryPolicy),
  personality: named<Personality>(personality),
})
/** What is particular to Linux. config-linux.md. */
export interface LinuxSpec extends Output<typeof linuxSchema> {}
