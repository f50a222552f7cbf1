/**
 * The benchmark of the command line: what each call costs whoever makes it, beside runc, crun and an empty Node. One
 * round takes every subject through the life of one container, call by call, the order of the subjects drawn anew.
 *
 * Started by run.mjs (`npm run bench -- cli`), in a private mount namespace.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { bundleOf, idOf, makeBundles, makeRootfs } from './bundle.ts'
import { claimHost, describeHost, makeGroupRoot, releaseHost, removeLeftovers, spareCrun } from './host.ts'
import type { Places } from './options.ts'
import { align } from './report.ts'
import { shuffled, summarize } from './statistics.ts'
import { runtimeCommand } from './subjects.ts'

const runtimes = ['nrunc', 'crun', 'runc'] as const
type Runtime = (typeof runtimes)[number]

/** In the order of a container's life. */
const calls = ['--version', 'create', 'state', 'start', 'exec', 'delete'] as const
type Call = (typeof calls)[number]

/** Milliseconds, in the order in which they were taken. */
type Samples = Record<string, number[]>

const usage = `usage: npm run bench -- cli [options]

  --rounds N    rounds to measure (default 30)
  --warmup N    rounds before them that do not count (default 3)
  --only NAME,...  of ${runtimes.join(', ')}
  --crun PATH   default: what bench/newest-crun.sh fetched, else crun from PATH
  --runc PATH   default: runc from PATH
  --json        print everything measured, every sample included, as JSON
`

/** Run to the end, with the streams of a daemon's call. @throws Error unless it exits with 0 */
const time = (command: readonly string[]): number => {
  const [file, ...args] = command as [string, ...string[]]
  const before = process.hrtime.bigint()
  const { status, signal, error } = spawnSync(file, args, { stdio: 'ignore' })
  const after = process.hrtime.bigint()
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${signal ?? status}`)
  return Number(after - before) / 1e6
}

const words = (runtime: Runtime, call: Call, places: Places): readonly string[] => {
  const id = idOf(runtime, 0)
  const rest: Record<Call, readonly string[]> = {
    '--version': ['--version'],
    create: ['create', '--bundle', bundleOf(places.work, runtime, 0), id],
    state: ['state', id],
    start: ['start', id],
    exec: ['exec', id, '/bin/true'],
    delete: ['delete', id],
  }
  return [...runtimeCommand(runtime, places), ...rest[call]]
}

/** Between exec and delete, not measured: the container ends. */
const end = (runtime: Runtime, places: Places): void => {
  const command = runtimeCommand(runtime, places)
  const [file, ...args] = command as [string, ...string[]]
  const { pid } = JSON.parse(spawnSync(file, [...args, 'state', idOf(runtime, 0)], { encoding: 'utf8' }).stdout) as { pid: number }
  time([...command, 'kill', idOf(runtime, 0), 'KILL'])
  const isRunning = (): boolean => {
    if (!existsSync(`/proc/${pid}/stat`)) return false
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text[text.lastIndexOf(')') + 2] !== 'Z'
  }
  while (isRunning()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
}

const round = (subjects: readonly Runtime[], places: Places, samples: Record<Call, Samples>, node: number[]): void => {
  node.push(time([process.execPath, '-e', '0']))
  for (const runtime of shuffled(subjects)) {
    for (const call of calls) {
      if (call === 'delete') end(runtime, places)
      ;(samples[call][runtime] ??= []).push(time(words(runtime, call, places)))
    }
  }
}

const empty = (): Record<Call, Samples> => Object.fromEntries(calls.map((call) => [call, {}])) as Record<Call, Samples>

const report = (samples: Record<Call, Samples>, node: readonly number[]): string => {
  const number = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(2))
  const baseline = summarize(node)
  const rows = calls.flatMap((call) => Object.entries(samples[call]).map(([runtime, list]) => {
    const { n, median, p95 } = summarize(list)
    const other = (name: Runtime): number => summarize(samples[call][name] ?? []).median
    return [`${runtime} ${call}`, String(n), number(median), number(p95),
      ...[baseline.median, other('runc'), other('crun')].map((one) => number(median / one))]
  }))
  const heading = ['ms', 'n', 'median', 'p95', '/ node -e 0', '/ runc', '/ crun']
  return align([heading, ['node -e 0', String(baseline.n), number(baseline.median), number(baseline.p95), '1.00', '', ''], ...rows])
}

const main = (): void => {
  const [home, work, busybox, crun, runc, ...args] = process.argv.slice(2) as [string, string, string, string, string, ...string[]]
  const { values } = parseArgs({
    args, options: {
      rounds: { type: 'string', default: '30' }, warmup: { type: 'string', default: '3' }, only: { type: 'string' },
      crun: { type: 'string', default: crun }, runc: { type: 'string', default: runc },
      json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return void process.stdout.write(usage)
  const places: Places = { home, work, crun: values.crun, runc: values.runc }
  const subjects = runtimes.filter((name) => (values.only ?? runtimes.join()).split(',').includes(name))
  const [rounds, warmup] = [Number(values.rounds), Number(values.warmup)]
  if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(warmup) || warmup < 1) throw new Error('bad number of rounds')

  claimHost()
  process.once('exit', () => {
    for (const name of subjects) removeLeftovers(name, places, 1)
    releaseHost()
  })
  makeGroupRoot()
  makeRootfs(work, busybox)
  for (const name of subjects) makeBundles(work, name, 1, ['/bin/sleep', '1000'])
  if (subjects.includes('crun')) makeBundles(work, 'crun', 1)
  const hidden = subjects.includes('crun') && spareCrun(places)
  if (subjects.includes('crun')) makeBundles(work, 'crun', 1, ['/bin/sleep', '1000'])

  for (let index = 0; index < warmup; index++) round(subjects, places, empty(), [])
  const [samples, node] = [empty(), [] as number[]]
  for (let index = 0; index < rounds; index++) round(subjects, places, samples, node)
  const host = describeHost(places)
  if (values.json) {
    const summaries = Object.fromEntries(calls.map((call) => [call, Object.fromEntries(
      Object.entries(samples[call]).map(([name, list]) => [name, { ...summarize(list), samples: list }]))]))
    process.stdout.write(`${JSON.stringify({ host, unit: 'ms', rounds, node: { ...summarize(node), samples: node }, calls: summaries }, null, 2)}\n`)
    return
  }
  process.stdout.write(Object.entries(host).map(([name, value]) => `${name.padEnd(8)}${value}\n`).join(''))
  process.stdout.write(`\none call, from a Node process\n${report(samples, node)}`)
  if (hidden) process.stdout.write('\nnote: crun refuses a hybrid cgroup host: cgroup2 was shown without controllers to all subjects\n')
}

try {
  main()
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
