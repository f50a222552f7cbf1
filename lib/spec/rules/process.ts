/** Rules of `process`, which `exec --process` shares: `at` is the JSON pointer of the process in its document. */
import { rlimitNames } from '../names.ts'
import type { ProcessSpec } from '../process.ts'
import type { Report } from './rule.ts'

export type ProcessRule = (process: ProcessSpec, at: string, report: Report) => void

function cwd(process: ProcessSpec, at: string, report: Report): void {
  if (process.cwd === '') report(`${at}/cwd`, 'cwd property must not be empty')
  else if (!process.cwd.startsWith('/')) report(`${at}/cwd`, 'cwd must be an absolute path')
}

function args(process: ProcessSpec, at: string, report: Report): void {
  if (process.args.length === 0) report(`${at}/args`, 'args must not be empty')
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

/** sched_setattr(2), config.md "scheduler". */
function scheduler({ scheduler: wanted }: ProcessSpec, at: string, report: Report): void {
  if (wanted === undefined) return
  const { policy, nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = wanted
  if (nice < -20 || nice > 19) report(`${at}/scheduler/nice`, `invalid scheduler.nice: ${nice}`)
  if (priority !== 0 && policy !== 'SCHED_FIFO' && policy !== 'SCHED_RR') {
    report(`${at}/scheduler/priority`, 'scheduler.priority can only be specified for SchedFIFO or SchedRR policy')
  }
  if (policy !== 'SCHED_DEADLINE' && [runtime, deadline, period].some((value) => Number(value) !== 0)) {
    report(`${at}/scheduler`, 'scheduler runtime/deadline/period can only be specified for SchedDeadline policy')
  }
}

/** In the order in which they are asked. */
export const processRules: readonly ProcessRule[] = [cwd, args, env, rlimits, scheduler]
