import { cgroupsPath, unified } from './cgroup.ts'
import { deviceRules, devices } from './devices.ts'
import { annotations, hooks, root, version } from './document.ts'
import { idMappings, mappedMountOptions, mappedUser } from './ids.ts'
import { intelRdt } from './intel-rdt.ts'
import { memoryPolicy, personality } from './memory-policy.ts'
import { mounts } from './mounts.ts'
import { hostNames, namespaces, restrictedPaths, timeNamespace, userNamespace } from './namespaces.ts'
import { netDevices } from './net-devices.ts'
import { blockIo, rdma, swappiness } from './resources.ts'
import { seccomp } from './seccomp.ts'
import { sysctl } from './sysctl.ts'
import type { Rule } from './rule.ts'

/** The rules of a whole config, besides those of its process, in the order in which they are asked. */
export const specRules: readonly Rule[] = [
  version, root, namespaces, hostNames, restrictedPaths, userNamespace, timeNamespace, idMappings, mappedUser,
  mappedMountOptions, mounts, sysctl, devices, deviceRules, cgroupsPath, unified, swappiness, blockIo, rdma, seccomp, memoryPolicy, personality, netDevices,
  intelRdt, hooks, annotations,
]

/** Those of them that are about nothing but `linux.resources`. */
export const resourceRules: readonly Rule[] = [deviceRules, unified, swappiness, blockIo, rdma]
