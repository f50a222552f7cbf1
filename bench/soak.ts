/**
 * Load, and what it leaves: many starts, a storm of execs, many containers at the same time, and all kinds of work for
 * hours. Growth is told for each: descriptors, memory, threads, cgroups, mounts, processes and state.
 *
 * Started by run.mjs as `npm run bench -- soak [options]`, in a private mount namespace.
 */
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { makeRootfs, rootfsOf } from './bundle.ts'
import { type Growth, growthOf, held } from './growth.ts'
import { claimHost, makeGroupRoot, releaseHost } from './host.ts'
import { execs, hold, type HeldByMany, mixed, type Runtime, starts } from './load.ts'
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

function readOptions(args: string[]) {
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

const memory = (what: string, { count, programs, own, system }: HeldByMany): string =>
  `${count} ${what} containers (KB): ${programs} in their processes, ${own} in this one, ${system} of the system's available memory`

const main = async (): Promise<void> => {
  const [home, work, busybox, , , ...args] = process.argv.slice(2) as [string, string, string, string, string]
  const { number, json, help } = readOptions(args)
  if (help) return void process.stdout.write(usage)
  claimHost()
  process.once('exit', releaseHost)
  makeGroupRoot()
  makeRootfs(work, busybox)
  const runtime = await runtimeOf(home)
  const base = defaultSpec({ cgroupNamespace: true })
  const program = { ...(base.process as ProcessSpec), terminal: false, args: ['/bin/true'] }
  const spec = { ...base, process: program, root: { ...base.root, path: rootfsOf(work) } }
  const template = await runtime.compile({ bundle: work, networksAhead: 0, spec })
  const atOnce = number('at-once')
  // What is allocated once.
  await starts(template, Math.max(atOnce, Math.min(200, number('starts'))), atOnce)
  await execs(template, EXEC_CONTAINERS, EXEC_CONTAINERS, EXEC_CONTAINERS)

  const say = (text: string): void => void (json || process.stdout.write(`${text}\n`))
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const count = number('starts')
  const started = await grown(() => starts(template, count, atOnce))
  delay.disable()
  const loop = { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }
  say(`${count} starts, ${atOnce} at a time: ${(started.result / count).toFixed(2)} ms each; growth: ${words(started.growth)}`)
  say(`timer of 1 ms late by (ms, includes that 1 ms): median ${loop.p50.toFixed(2)}, p99 ${loop.p99.toFixed(2)}, max ${loop.max.toFixed(2)}`)

  const [execCount, execsAtOnce] = [number('execs'), number('execs-at-once')]
  const executed = await grown(() => execs(template, execCount, execsAtOnce, EXEC_CONTAINERS))
  say(`${execCount} execs, ${execsAtOnce} at a time: ${(executed.result / execCount).toFixed(2)} ms each; growth: ${words(executed.growth)}`)

  const created = await grown(() => hold(template, number('created'), 'create'))
  say(`${memory('created', created.result)}; growth: ${words(created.growth)}`)
  const running = await grown(() => hold(template, number('running'), 'run'))
  say(`${memory('running', running.result)}; growth: ${words(running.growth)}`)

  const minutes: Growth[] = []
  const done: Record<string, number> = {}
  for (let left = number('minutes'); left > 0; left--) {
    const time = Math.min(left, 1) * 60_000
    const { result, growth } = await grown(() => mixed(runtime, template, { bundle: work, spec }, time, MIXED_AT_ONCE))
    for (const [name, times] of Object.entries(result)) done[name] = (done[name] ?? 0) + times
    minutes.push(growth)
    say(`minute ${minutes.length}: ${words(growth)}; so far ${words(done)}; rss ${Math.round(process.memoryUsage.rss() / 1024)}`)
  }
  template.close()
  if (!json) return
  process.stdout.write(`${JSON.stringify({
    starts: { count, atOnce, each: started.result / count, growth: started.growth, loop },
    execs: { count: execCount, atOnce: execsAtOnce, each: executed.result / execCount, growth: executed.growth },
    created: { ...created.result, growth: created.growth },
    running: { ...running.result, growth: running.growth },
    minutes, done,
  })}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`soak: ${error instanceof Error ? [error.stack, error.cause].join('\n') : String(error)}\n`)
  process.exitCode = 1
})
