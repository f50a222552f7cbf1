/**
 * The command line of the benchmark, the subjects and the modes.
 */
import { parseArgs } from 'node:util'

/** What is measured. `library` and `nrunc` are ours, `node` is what every start of `nrunc` pays for Node itself. */
export const subjects = {
  library: 'nrunc, in process',
  template: 'nrunc, in process, from a template',
  pool: 'nrunc, in process, from a pool',
  nrunc: 'nrunc run',
  crun: 'crun run',
  runc: 'runc run',
  floor: 'plain C, same system calls',
  spawn: 'spawn of /bin/true, no container',
  node: 'node -e 0, no container',
} as const

export type SubjectName = keyof typeof subjects

/** How it is measured. */
export interface Mode {
  readonly title: string
  /** RSS in MB that the measuring Node process is filled up to. */
  readonly resident: number
  /** Containers started at the same moment; the sample is the time until the last one is gone, divided by them. */
  readonly atOnce: number
  /** Milliseconds without work before each start. */
  readonly idle: number
  /** Starts in a row that count in each round. */
  readonly burst: number
  /**
   * Starts of the same subject before the burst that do not count. A write to `cgroup.procs` is much cheaper shortly
   * after another one: a runtime that does it is measured at its best in a row, and at its worst after idleness.
   */
  readonly lead: number
  /** The mode takes part in one of so many rounds. */
  readonly every: number
}

const inARow = { atOnce: 1, idle: 0, burst: 4, lead: 1, every: 1 }
const batch = { resident: 50, idle: 0, burst: 1, lead: 0 }

export const modes = {
  sequential: { ...inARow, title: 'one after another in a row, from a Node process of 50 MB', resident: 50 },
  idle: { title: 'each after 60 ms of idleness', resident: 50, atOnce: 1, idle: 60, burst: 1, lead: 0, every: 1 },
  large: { ...inARow, title: 'one after another in a row, from a Node process of 1 GB', resident: 1024 },
  eight: { ...batch, title: '8 at a time, time for each', atOnce: 8, every: 2 },
  many: { ...batch, title: '32 at a time, time for each', atOnce: 32, every: 4 },
} as const satisfies Record<string, Mode>

export type ModeName = keyof typeof modes

export interface Options {
  readonly rounds: number
  readonly warmup: number
  readonly subjects: readonly SubjectName[]
  readonly modes: readonly ModeName[]
  /** How many mounts the host gets besides its own, in the namespace of the benchmark. */
  readonly mounts: number
  readonly memory: boolean
  readonly json: boolean
  readonly crun: string
  readonly runc: string
}

/** Where a worker finds what it measures. */
export interface Places {
  /** Absolute path of the checkout or package. */
  readonly home: string
  /** Scratch directory of this run: bundles, root file system, the compiled floor. */
  readonly work: string
  readonly crun: string
  readonly runc: string
}

/** Directory below which every runtime keeps its state, and the cgroup below which every container gets its own. */
export const stateRoot = '/run/nrunc-bench'
export const groupRoot = 'nrunc-bench'

export const usage = `usage: npm run bench -- [options]

  --rounds N          rounds to measure (default 30); a round is 4 starts in a row, 1 after idleness; 8 and 32 at a
                      time take part in every 2nd and 4th
  --warmup N          starts of every subject before the first round (default 10)
  --only NAME,...     subjects: ${Object.keys(subjects).join(', ')}
  --mode NAME,...     modes: ${Object.keys(modes).join(', ')}, memory
  --mounts N          on a host with N mounts more (default 0)
  --crun PATH         default: what bench/newest-crun.sh fetched, else crun from PATH
  --runc PATH         default: runc from PATH
  --json              print everything measured, every sample included, as JSON
`

const choose = <Name extends string>(
  option: string, value: string | undefined, known: readonly Name[],
): readonly Name[] => {
  if (value === undefined) return known
  const names = value.split(',')
  const unknown = names.find((name) => !known.includes(name as Name))
  if (unknown !== undefined) throw new Error(`--${option}: unknown name "${unknown}", known are ${known.join(', ')}`)
  return known.filter((name) => names.includes(name))
}

const count = (option: string, value: string): number => {
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${option}: "${value}" is not a positive number`)
  return number
}

/**
 * Read the command line.
 *
 * @throws Error for an unknown option, subject or mode, or for a bad number.
 */
export const readOptions = (args: readonly string[], defaults: { crun: string; runc: string }): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '30' },
      warmup: { type: 'string', default: '10' },
      only: { type: 'string' },
      mode: { type: 'string' },
      mounts: { type: 'string' },
      crun: { type: 'string', default: defaults.crun },
      runc: { type: 'string', default: defaults.runc },
      json: { type: 'boolean', default: false },
    },
  })
  const chosen = choose('mode', values.mode, [...(Object.keys(modes) as ModeName[]), 'memory' as const])
  return {
    rounds: count('rounds', values.rounds),
    warmup: count('warmup', values.warmup),
    subjects: choose('only', values.only, Object.keys(subjects) as SubjectName[]),
    modes: chosen.filter((name) => name !== 'memory'),
    mounts: values.mounts === undefined ? 0 : count('mounts', values.mounts),
    memory: chosen.includes('memory'),
    json: values.json,
    crun: values.crun,
    runc: values.runc,
  }
}
