/** `process` of config.json: what runs, as whom, with which rights and limits. Source: runtime-spec config.md. */
import {
  flag, int32, integer, list, named, oneOf, struct, text, uint16, uint32, uint64, withDefault,
} from './shape.ts'
import type { Output } from './shape.ts'

const consoleSize = struct({
  /** Rows, in characters. The kernel's `winsize` has 16 bits. */
  height: uint16,
  /** Columns, in characters. */
  width: uint16,
})
/** Size of the terminal; ignored without one. config.md "Process". */
export interface ConsoleSize extends Output<typeof consoleSize> {}

const user = struct({
  /** User id in the container. config.md "POSIX-platform User". */
  uid: withDefault(uint32, () => 0),
  /** Group id in the container. */
  gid: withDefault(uint32, () => 0),
}, {
  /** Mode bits that new files do not get; umask(2). */
  umask: uint32,
  /** Supplementary group ids in the container. */
  additionalGids: list(uint32),
  /** Not used on Linux. */
  username: text,
})
/** The user of the process. config.md "User". */
export interface User extends Output<typeof user> {}

const capabilities = struct({}, {
  /** Names such as `CAP_KILL`. What is in no set of a program executed later. capabilities(7). */
  bounding: list(text),
  /** The rights that count. */
  effective: list(text),
  /** The rights that the process may take up. */
  permitted: list(text),
  /** The rights that pass through execve of a program with file capabilities. */
  inheritable: list(text),
  /** The rights that pass through every execve; each must be permitted and inheritable too. */
  ambient: list(text),
})
/** The five capability sets. config.md "Linux Process". */
export interface Capabilities extends Output<typeof capabilities> {}

const rlimit = struct({
  /** `RLIMIT_NOFILE` and so on. setrlimit(2). */
  type: text,
  /** What the kernel enforces; 18446744073709551615n is no limit. */
  soft: uint64,
  /** What the soft limit may be raised to. */
  hard: uint64,
})
/** One resource limit. config.md "POSIX process". */
export interface Rlimit extends Output<typeof rlimit> {}

const scheduler = struct({
  /** sched(7). */
  policy: oneOf('scheduler policy', [
    'SCHED_OTHER', 'SCHED_FIFO', 'SCHED_RR', 'SCHED_BATCH', 'SCHED_ISO', 'SCHED_IDLE', 'SCHED_DEADLINE',
  ]),
}, {
  /** -20 to 19. */
  nice: int32,
  /** Static priority for SCHED_FIFO and SCHED_RR, 1 to 99. */
  priority: int32,
  flags: list(oneOf('scheduler flag', [
    'SCHED_FLAG_RESET_ON_FORK', 'SCHED_FLAG_RECLAIM', 'SCHED_FLAG_DL_OVERRUN', 'SCHED_FLAG_KEEP_POLICY',
    'SCHED_FLAG_KEEP_PARAMS', 'SCHED_FLAG_UTIL_CLAMP_MIN', 'SCHED_FLAG_UTIL_CLAMP_MAX',
  ])),
  /** SCHED_DEADLINE: run time in a period, in nanoseconds. sched_setattr(2). */
  runtime: uint64,
  /** SCHED_DEADLINE: deadline in nanoseconds. */
  deadline: uint64,
  /** SCHED_DEADLINE: period in nanoseconds. */
  period: uint64,
})
/** CPU scheduling of the process. config.md "scheduler". */
export interface Scheduler extends Output<typeof scheduler> {}

const ioPriority = struct({
  /** ioprio_set(2). */
  class: oneOf('ioPriority class', ['IOPRIO_CLASS_RT', 'IOPRIO_CLASS_BE', 'IOPRIO_CLASS_IDLE']),
}, {
  /** 0 (highest) to 7. */
  priority: int32,
})
/** I/O scheduling of the process. config.md "ioPriority". */
export interface IoPriority extends Output<typeof ioPriority> {}

const execCpuAffinity = struct({}, {
  /** CPUs, as `0-3,7`, until the process is in its cgroup. */
  initial: text,
  /** CPUs from then on. */
  final: text,
})
/** CPUs of processes started by exec. config.md "execCPUAffinity". */
export interface ExecCpuAffinity extends Output<typeof execCpuAffinity> {}

export const processSchema = struct({
  /** Program and arguments, at least one; the program is looked up in PATH in the container. */
  args: list(text),
  /** Working directory, absolute, in the container. */
  cwd: text,
  /** uid 0 and gid 0 when absent. */
  user: withDefault<User>(user, () => ({ uid: 0, gid: 0 })),
}, {
  /** Give the process a pty. Default false. */
  terminal: flag,
  consoleSize: named<ConsoleSize>(consoleSize),
  /** The environment, as `NAME=value`; of a name given twice the last one counts. */
  env: list(text),
  capabilities: named<Capabilities>(capabilities),
  rlimits: list<Rlimit>(rlimit),
  /** Never gain rights by execve. prctl(2) PR_SET_NO_NEW_PRIVS. */
  noNewPrivileges: flag,
  apparmorProfile: text,
  selinuxLabel: text,
  /** -1000 to 1000; unchanged when absent. proc_pid_oom_score_adj(5). */
  oomScoreAdj: integer(-1000, 1000),
  scheduler: named<Scheduler>(scheduler),
  ioPriority: named<IoPriority>(ioPriority),
  execCPUAffinity: named<ExecCpuAffinity>(execCpuAffinity),
  /** Not used on Linux. */
  commandLine: text,
}, {
  args: 'args must not be empty',
  cwd: 'cwd property must not be empty',
})
/** `process` of config.json, and the file of `exec --process`. config.md "Process". */
export interface ProcessSpec extends Output<typeof processSchema> {}
