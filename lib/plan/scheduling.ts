/**
 * `process.scheduler`, `.ioPriority`, `.execCPUAffinity`, `linux.personality`, `.memoryPolicy`. Source: runtime-spec
 * config.md "Linux Process", config-linux.md; the numbers are those of linux/sched.h, ioprio.h, personality.h, mempolicy.h.
 */
import { parseRanges } from '../spec/ranges.ts'
import type { ExecCpuAffinity, LinuxSpec, ProcessSpec } from '../spec/schema.ts'
import type { Operation } from './operations.ts'

const policies = {
  SCHED_OTHER: 0, SCHED_FIFO: 1, SCHED_RR: 2, SCHED_BATCH: 3, SCHED_ISO: 4, SCHED_IDLE: 5, SCHED_DEADLINE: 6,
} as const
const schedulerFlags = {
  SCHED_FLAG_RESET_ON_FORK: 0x1, SCHED_FLAG_RECLAIM: 0x2, SCHED_FLAG_DL_OVERRUN: 0x4, SCHED_FLAG_KEEP_POLICY: 0x8,
  SCHED_FLAG_KEEP_PARAMS: 0x10, SCHED_FLAG_UTIL_CLAMP_MIN: 0x20, SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
} as const
const ioClasses = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 } as const
const IOPRIO_CLASS_SHIFT = 13
const domains = { LINUX: 0, LINUX32: 8 } as const
const memoryModes = {
  MPOL_DEFAULT: 0, MPOL_PREFERRED: 1, MPOL_BIND: 2, MPOL_INTERLEAVE: 3, MPOL_LOCAL: 4, MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
} as const
const memoryFlags = { MPOL_F_NUMA_BALANCING: 0x2000, MPOL_F_RELATIVE_NODES: 0x4000, MPOL_F_STATIC_NODES: 0x8000 } as const

const combine = <Name extends string>(names: readonly Name[] | undefined, bits: Readonly<Record<Name, number>>): number =>
  (names ?? []).reduce((all, name) => all | bits[name], 0)

/** A bit set as the kernel reads it: in whole words of 64 bits, the lowest first. */
export function bitmap(list: string): Uint8Array {
  const bits = parseRanges(list) ?? 0n
  const words = Math.ceil(bits.toString(2).length / 64)
  const bytes = Buffer.alloc(bits === 0n ? 0 : words * 8)
  for (let word = 0; word * 8 < bytes.length; word++) {
    bytes.writeBigUInt64LE(BigInt.asUintN(64, bits >> BigInt(word * 64)), word * 8)
  }
  return bytes
}

/** CPU and I/O scheduling of one process; `at` is its JSON pointer. */
export function planScheduling({ scheduler, ioPriority }: ProcessSpec, at: string): Operation[] {
  const list: Operation[] = []
  if (scheduler !== undefined) {
    const { policy, flags, nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler
    list.push({
      op: 'scheduler', field: `${at}/scheduler`, policy: policies[policy], flags: combine(flags, schedulerFlags), nice, priority,
      runtime, deadline, period,
    })
  }
  if (ioPriority !== undefined) {
    const { class: name, priority = 0 } = ioPriority
    list.push({ op: 'ioPriority', field: `${at}/ioPriority`, priority: (ioClasses[name] << IOPRIO_CLASS_SHIFT) | priority })
  }
  return list
}

/** What all processes of a container have: the execution domain and the memory policy. */
export function planDomain(linux: LinuxSpec | undefined): Operation[] {
  const { memoryPolicy, personality } = linux ?? {}
  const list: Operation[] = []
  if (memoryPolicy !== undefined) {
    list.push({
      op: 'memoryPolicy', field: '/linux/memoryPolicy', mode: memoryModes[memoryPolicy.mode] | combine(memoryPolicy.flags, memoryFlags),
      nodes: bitmap(memoryPolicy.nodes ?? ''),
    })
  }
  if (personality !== undefined) list.push({ op: 'personality', field: '/linux/personality', persona: domains[personality.domain] })
  return list
}

/** CPUs of a process that exec adds, before and after it is in its cgroups. Never of a container's first process. */
export function planAffinity(affinity: ExecCpuAffinity | undefined): { readonly before: Operation[], readonly after: Operation[] } {
  const set = (name: 'initial' | 'final'): Operation[] => {
    const cpus = bitmap(affinity?.[name] ?? '')
    return cpus.length === 0 ? [] : [{ op: 'affinity', field: `/execCPUAffinity/${name}`, cpus }]
  }
  return { before: set('initial'), after: set('final') }
}
