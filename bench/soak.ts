/**
 * Load, and what it leaves: many starts, a storm of execs, many containers at the same time, and all kinds of work for
 * hours. Growth is told for each: descriptors, memory, threads, cgroups, mounts, processes and state.
 *
 * Started by run.mjs as `npm run bench -- soak [options]`, in a private mount namespace.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { makeRootfs, rootfsOf } from './bundle.ts'
import { type Growth, growthOf, held } from './growth.ts'
import { claimHost, makeGroupRoot, releaseHost } from './host.ts'
import { execs, hold, mixed, type Runtime, starts, type Template } from './load.ts'
import { stateRoot } from './options.ts'
import { defaultSpec } from '../lib/spec/defaults.ts'
import type { ProcessSpec } from '../lib/spec/schema.ts'

const usage = `usage: npm run bench -- soak [options]

  --starts N         starts that count (default 10000)
  --at-once N        how many run at the same time (default 32)
  --execs N          processes that are executed in 32 containers (default 2000)
  --execs-at-once N  how many run at the same time (default 64)
  --created N        containers that are created and held (default 1000)
  --running N        containers that run at the same time (default 1000)
  --minutes N        all kinds of work, 8 at a time, for so long (default 0), with a line of growth every minute
  --json             print JSON
`

const root = join(stateRoot, 'library')
const EXEC_CONTAINERS = 32
const MIXED_AT_ONCE = 8

const defaults = { starts: '10000', 'at-once': '32', execs: '2000', 'execs-at-once': '64', created: '1000', running: '1000', minutes: '0' }

interface Options {
  number(name: keyof typeof defaults): number
  readonly json: boolean
  readonly help: boolean
}

function readOptions(args: string[]): Options {
  const numbers = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value } as const]))
  const { values } = parseArgs({ args, options: { ...numbers, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
  return { number: (name: keyof typeof defaults) => Number((values as Record<string, unknown>)[name]), json: values['json'] === true, help: values['help'] === true }
}

async function runtimeOf(home: string): Promise<Runtime> {
  const library = await import(pathToFileURL(join(home, 'dist/index.js')).href) as { Runtime: new (options: { root: string }) => Runtime }
  return new library.Runtime({ root })
}

/** WORK, and what is more after it than before. */
async function grown<T>(work: () => Promise<T>): Promise<{ result: T; growth: Growth }> {
  const before = await held(root)
  const result = await work()
  return { result, growth: growthOf(before, await held(root)) }
}

const words = (growth: Record<string, number>): string => Object.entries(growth).map(([name, value]) => `${name} ${value}`).join(', ')

/** One run: a phase a method, which says what came of it and gives it for the report. */
class Soak {
  readonly #runtime: Runtime
  readonly #template: Template
  readonly #config: object
  readonly #number: (name: keyof typeof defaults) => number
  readonly #say: (text: string) => void

  constructor(runtime: Runtime, template: Template, config: object, { number, json }: Options) {
    this.#runtime = runtime
    this.#template = template
    this.#config = config
    this.#number = number
    this.#say = (text) => void (json || process.stdout.write(`${text}\n`))
  }

  /** What is allocated once; libuv's threads too, which Node has after loading a module only before version 22. */
  async warmUp(): Promise<void> {
    await readFile('/dev/null')
    const atOnce = this.#number('at-once')
    await starts(this.#template, Math.max(atOnce, Math.min(200, this.#number('starts'))), atOnce)
    await execs(this.#template, EXEC_CONTAINERS, EXEC_CONTAINERS, EXEC_CONTAINERS)
  }

  async starts(): Promise<object> {
    const [count, atOnce] = [this.#number('starts'), this.#number('at-once')]
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const { result, growth } = await grown(() => starts(this.#template, count, atOnce))
    delay.disable()
    const loop = { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }
    const late = Object.values(loop).map((value) => value.toFixed(2)).join(', ')
    this.#say(`${count} starts, ${atOnce} at a time: ${(result / count).toFixed(2)} ms each; growth: ${words(growth)}`)
    this.#say(`timer of 1 ms late by (ms, includes that 1 ms; median, p99, most): ${late}`)
    return { count, atOnce, each: result / count, growth, loop }
  }

  async execs(): Promise<object> {
    const [count, atOnce] = [this.#number('execs'), this.#number('execs-at-once')]
    const { result, growth } = await grown(() => execs(this.#template, count, atOnce, EXEC_CONTAINERS))
    this.#say(`${count} execs, ${atOnce} at a time: ${(result / count).toFixed(2)} ms each; growth: ${words(growth)}`)
    return { count, atOnce, each: result / count, growth }
  }

  async hold(how: 'create' | 'run', count: number): Promise<object> {
    const { result, growth } = await grown(() => hold(this.#template, count, how))
    const { programs, own, system } = result
    const memory = `${programs} in their processes, ${own} in this one, ${system} of the system's available memory`
    this.#say(`${count} containers (${how}), KB: ${memory}; growth: ${words(growth)}`)
    return { ...result, growth }
  }

  async mixed(): Promise<object> {
    const minutes: Growth[] = []
    const done: Record<string, number> = {}
    for (let left = this.#number('minutes'); left > 0; left--) {
      const time = Math.min(left, 1) * 60_000
      const { result, growth } = await grown(() => mixed(this.#runtime, this.#template, this.#config, time, MIXED_AT_ONCE))
      for (const [name, times] of Object.entries(result)) done[name] = (done[name] ?? 0) + times
      minutes.push(growth)
      const rss = Math.round(process.memoryUsage.rss() / 1024)
      this.#say(`minute ${minutes.length}: rss is ${rss}; growth: ${words(growth)}; so far ${words(done)}`)
    }
    return { minutes, done }
  }

  /** All phases, one after the other; nothing is left of one that fails. */
  async run(): Promise<object> {
    try {
      await this.warmUp()
      return {
        starts: await this.starts(), execs: await this.execs(),
        created: await this.hold('create', this.#number('created')), running: await this.hold('run', this.#number('running')),
        ...await this.mixed(),
      }
    } finally {
      this.#template.close()
      for (const { id } of await this.#runtime.list()) await this.#runtime.delete(id, { force: true })
    }
  }
}

const main = async (): Promise<void> => {
  const [home, work, busybox, , , ...args] = process.argv.slice(2) as [string, string, string, string, string]
  const options = readOptions(args)
  if (options.help) return void process.stdout.write(usage)
  claimHost()
  process.once('exit', releaseHost)
  makeGroupRoot()
  makeRootfs(work, busybox)
  const runtime = await runtimeOf(home)
  const base = defaultSpec({ cgroupNamespace: true })
  const program = { ...(base.process as ProcessSpec), terminal: false, args: ['/bin/true'] }
  const spec = { ...base, process: program, root: { ...base.root, path: rootfsOf(work) } }
  const template = await runtime.compile({ bundle: work, networksAhead: 0, spec })
  const report = await new Soak(runtime, template, { bundle: work, spec }, options).run()
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`soak: ${error instanceof Error ? [error.stack, error.cause].join('\n') : String(error)}\n`)
  process.exitCode = 1
})
