/** `linux.resources` of config.json: the cgroup's limits. Source: runtime-spec config-linux.md "Control groups". */
import { flag, int64, list, map, matching, named, struct, text, uint16, uint32, uint64, withDefault } from './shape.ts'
import type { Output } from './shape.ts'

const deviceRule = struct({
  allow: flag,
}, {
  /** `c`, `b`, or `a` for all; all when absent. */
  type: text,
  /** Any when absent or -1. */
  major: int64,
  /** Any when absent or -1. */
  minor: int64,
  /** Letters of `rwm`: read, write, mknod. */
  access: text,
})
/** Allows or denies a device; later rules win. config-linux.md "Allowed Device list". */
export interface DeviceRule extends Output<typeof deviceRule> {}

const memory = struct({}, {
  /** Bytes; -1 is no limit. */
  limit: int64,
  /** Soft limit in bytes. */
  reservation: int64,
  /** Memory and swap together, in bytes; -1 is no limit. */
  swap: int64,
  /** Kernel memory in bytes; ignored, the kernel gave it up. */
  kernel: int64,
  /** Kernel TCP buffers in bytes; ignored. */
  kernelTCP: int64,
  /** 0 to 100; cgroup v1. */
  swappiness: uint64,
  /** cgroup v1. */
  disableOOMKiller: flag,
  /** cgroup v1. */
  useHierarchy: flag,
  /** Refuse a limit below what is in use. */
  checkBeforeUpdate: flag,
})
/** config-linux.md "Memory". */
export interface Memory extends Output<typeof memory> {}

const cpu = struct({}, {
  /** Relative share, 2 to 262144; 0 is unset. */
  shares: uint64,
  /** Microseconds of CPU time in a period; -1 is no limit. */
  quota: int64,
  /** Microseconds that unused quota may add. */
  burst: uint64,
  /** Microseconds. */
  period: uint64,
  /** Microseconds; cgroup v1. */
  realtimeRuntime: int64,
  /** Microseconds; cgroup v1. */
  realtimePeriod: uint64,
  /** CPUs, as `0-3,7`. cpuset(7) "List format". */
  cpus: text,
  /** Memory nodes, as `0-1`. */
  mems: text,
  /** 1: only run when nothing else does. */
  idle: int64,
})
/** config-linux.md "CPU". */
export interface Cpu extends Output<typeof cpu> {}

const pids = struct({}, {
  /** How many tasks; -1 is no limit, 0 is a limit. */
  limit: int64,
})
/** config-linux.md "PIDs". */
export interface Pids extends Output<typeof pids> {}

const blockDevice = { major: int64, minor: int64 }
const weightDevice = struct(blockDevice, {
  /** 10 to 1000. */
  weight: uint16,
  /** 10 to 1000; cgroup v1. */
  leafWeight: uint16,
})
/** Weight of one device. */
export interface WeightDevice extends Output<typeof weightDevice> {}

const throttleDevice = struct({
  ...blockDevice,
  /** Bytes or operations a second; 0 is no limit. */
  rate: withDefault(uint64, () => 0),
})
/** Rate limit of one device. */
export interface ThrottleDevice extends Output<typeof throttleDevice> {}

const blockIo = struct({}, {
  /** 10 to 1000; 0 is unset. */
  weight: uint16,
  /** 10 to 1000; cgroup v1. */
  leafWeight: uint16,
  weightDevice: list<WeightDevice>(weightDevice),
  /** Bytes a second. */
  throttleReadBpsDevice: list<ThrottleDevice>(throttleDevice),
  /** Bytes a second. */
  throttleWriteBpsDevice: list<ThrottleDevice>(throttleDevice),
  /** Operations a second. */
  throttleReadIOPSDevice: list<ThrottleDevice>(throttleDevice),
  /** Operations a second. */
  throttleWriteIOPSDevice: list<ThrottleDevice>(throttleDevice),
})
/** config-linux.md "Block IO". */
export interface BlockIo extends Output<typeof blockIo> {}

const hugepageLimit = struct({
  /** As `2MB`, `1GB`, `64KB`. */
  pageSize: matching(
    /^[1-9][0-9]*[KMG]B$/, (value) => `invalid page size ${JSON.stringify(value)}, it must be as 64KB, 2MB or 1GB`),
  /** Bytes. */
  limit: uint64,
})
/** config-linux.md "Huge page limits". */
export interface HugepageLimit extends Output<typeof hugepageLimit> {}

const interfacePriority = struct({ name: text, priority: uint32 })
/** Priority of the packets of one interface. */
export interface InterfacePriority extends Output<typeof interfacePriority> {}

const network = struct({}, {
  /** Class of the packets; cgroup v1 net_cls. */
  classID: uint32,
  /** cgroup v1 net_prio. */
  priorities: list<InterfacePriority>(interfacePriority),
})
/** config-linux.md "Network". */
export interface NetworkResources extends Output<typeof network> {}

const rdma = struct({}, {
  hcaHandles: uint32,
  hcaObjects: uint32,
})
/** config-linux.md "RDMA". */
export interface Rdma extends Output<typeof rdma> {}

export const resourcesSchema = struct({}, {
  devices: list<DeviceRule>(deviceRule),
  memory: named<Memory>(memory),
  cpu: named<Cpu>(cpu),
  pids: named<Pids>(pids),
  blockIO: named<BlockIo>(blockIo),
  hugepageLimits: list<HugepageLimit>(hugepageLimit),
  network: named<NetworkResources>(network),
  /** Device name to its limits. */
  rdma: map<Rdma>(rdma),
  /** cgroup v2: file name to its content, written as it is. */
  unified: map(text),
})
/** The limits of the cgroup, also what `update --resources` takes. config-linux.md "Control groups". */
export interface Resources extends Output<typeof resourcesSchema> {}
