/** Rules of `process`, which `exec --process` shares: `at` is the JSON pointer of the process in its document. */
import { rlimitNames } from '../names.ts'
import type { ProcessSpec } from '../process.ts'
import { parseRanges } from '../ranges.ts'
import { quote, type Report } from './rule.ts'

export type ProcessRule = (process: ProcessSpec, at: string, report: Report) => void

function cwd(process: ProcessSpec, at: string, report: Report): void {
  if (process.cwd === '') report(`${at}/cwd`, 'cwd property must not be empty')
  else if (!process.cwd.startsWith('/')) report(`${at}/cwd`, 'cwd must be an absolute path')
}

function args(process: ProcessSpec, at: string, report: Report): void {
  if (process.args.length === 0) report(`${at}/args`, 'args must not be empty')
}

/** To setresuid(2) and setgroups(2) the highest number is "no change": the process would stay root. */
function user({ user: { uid, gid, additionalGids } }: ProcessSpec, at: string, report: Report): void {
  const ids: readonly (readonly [string, number | undefined])[] =
    [['uid', uid], ['gid', gid], ...(additionalGids ?? []).map((id, index) => [`additionalGids/${index}`, id] as const)]
  for (const [name, id] of ids) {
    if (id === 4294967295) report(`${at}/user/${name}`, `invalid id ${id}: it stands for no id`)
  }
}

/** The message does not show the entry: it may be a secret. */
function env(process: ProcessSpec, at: string, report: Report): void {
  for (const [index, entry] of (process.env ?? []).entries()) {
    const end = entry.indexOf('=')
    if (end === -1) report(`${at}/env/${index}`, "invalid environment variable: missing '='")
    else if (end === 0) report(`${at}/env/${index}`, 'invalid environment variable: name cannot be empty')
  }
}

/** setrlimit(2), config.md "POSIX process". */
function rlimits(process: ProcessSpec, at: string, report: Report): void {
  const seen = new Set<string>()
  for (const [index, { type, soft, hard }] of (process.rlimits ?? []).entries()) {
    const field = `${at}/rlimits/${index}`
    if (!rlimitNames.some((name) => name === type)) report(`${field}/type`, `wrong rlimit value: ${type}`)
    else if (seen.has(type)) report(`${field}/type`, `duplicate rlimit ${type}`)
    if (soft > hard) report(`${field}/soft`, `soft limit ${soft} is above the hard limit ${hard}`)
    seen.add(type)
  }
}

/** sched_setattr(2), config.md "scheduler"; as in runc, apart from the range of the priority, which the kernel would refuse. */
function scheduler({ scheduler: wanted }: ProcessSpec, at: string, report: Report): void {
  if (wanted === undefined) return
  const { policy, nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = wanted
  if (nice < -20 || nice > 19) report(`${at}/scheduler/nice`, `invalid scheduler.nice: ${nice}`)
  if (priority !== 0 && policy !== 'SCHED_FIFO' && policy !== 'SCHED_RR') {
    report(`${at}/scheduler/priority`, 'scheduler.priority can only be specified for SchedFIFO or SchedRR policy')
  }
  if ((policy === 'SCHED_FIFO' || policy === 'SCHED_RR') && (priority < 1 || priority > 99)
    && !wanted.flags?.includes('SCHED_FLAG_KEEP_PARAMS')) {
    report(`${at}/scheduler/priority`, `invalid scheduler.priority: ${priority}`)
  }
  if (policy !== 'SCHED_DEADLINE' && [runtime, deadline, period].some((value) => Number(value) !== 0)) {
    report(`${at}/scheduler`, 'scheduler runtime/deadline/period can only be specified for SchedDeadline policy')
  }
}

/** ioprio_set(2), config.md "ioPriority". */
function ioPriority({ ioPriority: wanted }: ProcessSpec, at: string, report: Report): void {
  const { priority = 0 } = wanted ?? {}
  if (priority < 0 || priority > 7) report(`${at}/ioPriority/priority`, `invalid ioPriority.Priority: ${priority}`)
}

/** config.md "execCPUAffinity". */
function execAffinity({ execCPUAffinity: wanted }: ProcessSpec, at: string, report: Report): void {
  for (const name of ['initial', 'final'] as const) {
    const cpus = wanted?.[name]
    if (cpus !== undefined && parseRanges(cpus) === undefined) {
      report(`${at}/execCPUAffinity/${name}`, `bad CPU affinity: invalid CPU list ${quote(cpus)}, it must be as 0-3,7`)
    }
  }
}

/** In the order in which they are asked. */
export const processRules: readonly ProcessRule[] = [cwd, args, user, env, rlimits, scheduler, ioPriority, execAffinity]
