/**
 * The benchmark of starting a container. One run measures every subject in every mode in interleaved rounds, the order
 * drawn anew for each round, so that whatever else the machine does meets all of them alike.
 *
 * Started by run.mjs, in a private mount namespace. With --resident it is a worker instead (worker.ts).
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { makeBundles, makeRootfs } from './bundle.ts'
import { addMounts, claimHost, describeHost, makeGroupRoot, releaseHost, removeLeftovers, spareCrun } from './host.ts'
import { creators, type Memory } from './memory.ts'
import { modes, readOptions, usage, type ModeName, type Options, type Places, type SubjectName } from './options.ts'
import { reportJson, reportText } from './report.ts'
import { shuffled } from './statistics.ts'
import { serve, Worker, WorkerGone } from './worker.ts'

/** ms of pause after a batch, while the kernel removes its network namespaces in the background. */
const settleAfterBatch = 200
const memorySamples = 5
const inProcess: ReadonlySet<SubjectName> = new Set(['library', 'template', 'pool'])
const slots = Math.max(...Object.values(modes).map(({ atOnce }) => atOnce))

const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** One run: the workers, what is measured with them, and what has been measured. */
class Run {
  readonly times: Partial<Record<ModeName, Partial<Record<SubjectName, number[]>>>> = {}
  readonly memory: Partial<Record<SubjectName, Memory[]>> = {}
  readonly sizes: Partial<Record<ModeName, [number, number]>> = {}
  readonly notes: string[] = []
  /** Starts that failed after the warm-up, where none may. */
  failures = 0
  readonly #options: Options
  readonly #places: Places
  readonly #workers = new Map<string, Worker>()
  #subjects: SubjectName[] = []

  constructor(options: Options, places: Places) {
    this.#options = options
    this.#places = places
  }

  /**
   * What runs in process has a worker of its own: the others fork theirs, after which every page that it writes to has to be
   * copied, which is not the doing of what runs in process.
   */
  #worker(mode: ModeName, subject: SubjectName = 'library'): Worker {
    const { resident } = modes[mode]
    const key = `${resident} ${inProcess.has(subject)}`
    const worker = this.#workers.get(key) ?? new Worker(fileURLToPath(import.meta.url), resident, this.#places)
    this.#workers.set(key, worker)
    return worker
  }

  #failed(subject: SubjectName, when: string, error: unknown): void {
    if (error instanceof WorkerGone) throw error
    this.notes.push(`${subject}: ${when}: ${error instanceof Error ? error.message : String(error)}`)
    if (subject === 'nrunc' || subject === 'crun' || subject === 'runc') removeLeftovers(subject, this.#places, slots)
  }

  async #measure(mode: ModeName, subject: SubjectName): Promise<number[]> {
    const times = await this.#worker(mode, subject).measure(subject, mode)
    if (modes[mode].atOnce > 1) await sleep(settleAfterBatch)
    return times
  }

  /** Starts that do not count. A subject that cannot start is left out, and the report says why. */
  async warmUp(): Promise<void> {
    for (const subject of this.#options.subjects) {
      progress(`warming up: ${subject}`)
      try {
        for (const mode of this.#options.modes) {
          await this.#worker(mode, subject).open(subject)
          const { atOnce, burst, lead } = modes[mode]
          const starts = atOnce * (burst + lead)
          for (let start = 0; start < this.#options.warmup; start += starts) await this.#measure(mode, subject)
        }
        this.#subjects.push(subject)
      } catch (error) {
        this.#failed(subject, 'not measured', error)
      }
    }
    for (const mode of this.#options.modes) {
      const size = await this.#worker(mode).size()
      this.sizes[mode] = [size, size]
      this.times[mode] = Object.fromEntries(this.#subjects.map((subject) => [subject, []]))
    }
  }

  /** One round of all modes. A failure gives no sample; it is counted and noted. */
  async round(index: number): Promise<void> {
    for (const mode of this.#options.modes) {
      if (index % modes[mode].every !== 0) continue
      progress(`round ${index + 1} of ${this.#options.rounds}: ${mode}`)
      for (const subject of shuffled(this.#subjects)) {
        try {
          this.times[mode]?.[subject]?.push(...(await this.#measure(mode, subject)))
        } catch (error) {
          this.failures++
          this.#failed(subject, `round ${index + 1}, ${mode}`, error)
        }
      }
    }
  }

  async measureMemory(): Promise<void> {
    for (const creator of creators.filter((name) => this.#subjects.includes(name))) {
      try {
        for (let sample = 0; sample < memorySamples; sample++) {
          const memory = await this.#worker('sequential').memory(creator)
          ;(this.memory[creator] ??= []).push(memory)
        }
      } catch (error) {
        this.failures++
        this.#failed(creator, 'memory', error)
      }
    }
  }

  async measureSizes(): Promise<void> {
    for (const mode of this.#options.modes) {
      const sizes = this.sizes[mode]
      if (sizes !== undefined) sizes[1] = await this.#worker(mode).size()
    }
  }

  /** End the workers, also in the middle of a start. */
  close(): void {
    for (const worker of this.#workers.values()) worker.close()
    progress('')
  }
}

const main = async (): Promise<void> => {
  const [home, work, busybox, crun, runc, ...args] = process.argv.slice(2) as [string, string, string, string, string]
  if ((args as string[]).some((word) => word === '--help' || word === '-h')) return void process.stdout.write(usage)
  const options = readOptions(args, { crun, runc })
  const places = { home, work: join(work), crun: options.crun, runc: options.runc }
  claimHost()
  process.once('exit', releaseHost)

  makeGroupRoot()
  addMounts(work, options.mounts)
  makeRootfs(work, busybox)
  for (const runtime of creators) makeBundles(work, runtime, slots)
  const hidden = options.subjects.includes('crun') && spareCrun(places)
  const host = describeHost(places)

  const run = new Run(options, places)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => run.close())
  if (hidden) run.notes.push('crun refuses a hybrid cgroup host: cgroup2 was shown without controllers to all subjects')
  try {
    await run.warmUp()
    for (let index = 0; index < options.rounds; index++) await run.round(index)
    if (options.memory) await run.measureMemory()
    await run.measureSizes()
  } finally {
    run.close()
  }

  const { times, memory, sizes, notes } = run
  const measured = { host, rounds: options.rounds, times, memory, sizes, notes }
  process.stdout.write(options.json ? reportJson(measured) : reportText(measured))
  if (run.failures > 0) process.exitCode = 1
}

if (process.argv[2] === '--resident') serve(Number(process.argv[3]), JSON.parse(process.argv[4] ?? '') as Places)
else {
  main().catch((error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  })
}
