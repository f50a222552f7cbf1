/**
 * The types and schemas of config.json, every field of runtime-spec 1.3, from one definition: the entries of a
 * `struct` are the type, the validation and the docstring. Topics have files of their own; this is the root.
 */
import { hooksSchema } from './hooks.ts'
import type { Hooks } from './hooks.ts'
import { linuxSchema } from './linux.ts'
import type { LinuxSpec } from './linux.ts'
import { mountSchema, rootSchema } from './mounts.ts'
import type { Mount, Root } from './mounts.ts'
import { processSchema } from './process.ts'
import type { ProcessSpec } from './process.ts'
import { list, map, named, struct, text } from './shape.ts'
import type { Output } from './shape.ts'

export const specSchema = struct({
  /** Version of the runtime specification that the config was written for, as `1.3.0`. */
  ociVersion: text,
  root: named<Root>(rootSchema),
}, {
  /** Required to start the container. */
  process: named<ProcessSpec>(processSchema),
  /** At most 64 bytes; needs a uts namespace. */
  hostname: text,
  /** At most 64 bytes; needs a uts namespace. */
  domainname: text,
  mounts: list<Mount>(mountSchema),
  hooks: named<Hooks>(hooksSchema),
  linux: named<LinuxSpec>(linuxSchema),
  /** Anything; handed to hooks with the state. */
  annotations: map(text),
}, {
  root: 'root must be specified',
})
/**
 * A config.json. runtime-spec config.md. Fields that are not in the specification are kept and ignored.
 *
 * @example
 * const spec: Spec = { ...defaultSpec(), root: { path: '/srv/rootfs' } }
 */
export interface Spec extends Output<typeof specSchema> {}

export type { Integer64 } from './shape.ts'
export type { IdMapping } from './ids.ts'
export type { Mount, Root } from './mounts.ts'
export type { Hook, Hooks } from './hooks.ts'
export type {
  Capabilities, ConsoleSize, ExecCpuAffinity, IoPriority, ProcessSpec, Rlimit, Scheduler, User,
} from './process.ts'
export type {
  BlockIo, Cpu, DeviceRule, HugepageLimit, InterfacePriority, Memory, NetworkResources, Pids, Rdma, Resources,
  ThrottleDevice, WeightDevice,
} from './resources.ts'
export type { Seccomp, SeccompAction, SeccompArgument, SeccompSyscall } from './seccomp.ts'
export type {
  Device, IntelRdt, LinuxSpec, MemoryPolicy, Namespace, NamespaceType, NetDevice, Personality, TimeOffset,
  TimeOffsets,
} from './linux.ts'
