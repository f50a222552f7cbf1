/**
 * Many starts, and what they leave: growth of descriptors, memory, cgroups, mounts, processes and state; how long the
 * event loop was held up; and the memory of many created containers at the same time.
 *
 * Started by run.mjs as `npm run bench -- soak [options]`, in a private mount namespace.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { makeBundles, makeRootfs, rootfsOf } from './bundle.ts'
import { claimHost, makeGroupRoot, releaseHost } from './host.ts'
import { memoryOf } from './memory.ts'
import { groupRoot, stateRoot } from './options.ts'
import { defaultSpec } from '../lib/spec/defaults.ts'
import type { ProcessSpec } from '../lib/spec/schema.ts'

interface Container {
  readonly pid: number
  wait(options: { stats: false }): Promise<{ code: number | null }>
  delete(options?: { force?: boolean }): Promise<void>
}
interface Template {
  run(options: object): Promise<Container>
  create(options: object): Promise<Container>
  close(): void
}
interface Library {
  Runtime: new (options: { root: string }) => { compile(options: object): Promise<Template> }
}

/** What must not grow. Memory in KB, the rest are counts. */
interface Held {
  readonly descriptors: number
  readonly children: number
  readonly cgroups: number
  readonly mounts: number
  readonly state: number
  readonly rss: number
}

const usage = `usage: npm run bench -- soak [options]

  --starts N    starts that count (default 10000)
  --at-once N   how many run at the same time (default 32)
  --created N   containers that are created and held at the end (default 1000)
  --json        print JSON
`

const quiet = { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' } as const
const root = join(stateRoot, 'library')

const childrenOf = (parent: number): number =>
  readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
    } catch {
      return false
    }
  }).length

/** Of this benchmark: the directories below its own in every hierarchy. */
const cgroups = (): number => {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    .flatMap((line) => (/ - cgroup2? /.test(line) ? [join(line.split(' ')[4] ?? '', groupRoot)] : []))
  const count = (path: string): number => readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory()).reduce((sum, { name }) => sum + 1 + count(join(path, name)), 0)
  return [...new Set(mounts)].filter((path) => existsSync(path)).reduce((sum, path) => sum + count(path), 0)
}

const held = (): Held => ({
  descriptors: readdirSync('/proc/self/fd').length,
  children: childrenOf(process.pid),
  cgroups: cgroups(),
  mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length,
  state: readdirSync(root).length,
  rss: Math.round(process.memoryUsage.rss() / 1024),
})

/** MemAvailable of /proc/meminfo, KB. */
const available = (): number => Number(/^MemAvailable: +(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1])

const settle = async (): Promise<void> => {
  globalThis.gc?.()
  await sleep(500)
}

/** COUNT starts, AT_ONCE at a time, each to its end and removed. */
const start = async (template: Template, count: number, atOnce: number): Promise<number> => {
  let next = 0
  const before = process.hrtime.bigint()
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < count) {
      next++
      const container = await template.run(quiet)
      const { code } = await container.wait({ stats: false })
      await container.delete()
      if (code !== 0) throw new Error(`a container ended with ${code}`)
    }
  }))
  return Number(process.hrtime.bigint() - before) / 1e6
}

const create = async (template: Template, count: number) => {
  await settle()
  const before = available()
  const made: Container[] = []
  try {
    for (let index = 0; index < count; index++) made.push(await template.create(quiet))
    await settle()
    const inits = made.reduce((sum, { pid }) => sum + memoryOf(pid).pss, 0)
    return { count, inits, system: before - available() }
  } finally {
    for (const container of made) await container.delete({ force: true })
  }
}

const main = async (): Promise<void> => {
  const [home, work, busybox, , , ...args] = process.argv.slice(2) as [string, string, string, string, string]
  const { values } = parseArgs({
    args, options: {
      starts: { type: 'string', default: '10000' }, 'at-once': { type: 'string', default: '32' },
      created: { type: 'string', default: '1000' }, json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return void process.stdout.write(usage)
  const [starts, atOnce, created] = [Number(values.starts), Number(values['at-once']), Number(values.created)]
  claimHost()
  process.once('exit', releaseHost)
  makeGroupRoot()
  makeRootfs(work, busybox)
  makeBundles(work, 'library', 1)
  const { Runtime } = (await import(pathToFileURL(join(home, 'dist/index.js')).href)) as Library
  const spec = defaultSpec({ cgroupNamespace: true })
  const template = await new Runtime({ root }).compile({
    bundle: work, networksAhead: 0,
    spec: { ...spec, process: { ...(spec.process as ProcessSpec), terminal: false, args: ['/bin/true'] }, root: { ...spec.root, path: rootfsOf(work) } },
  })
  await start(template, Math.max(atOnce, Math.min(200, starts)), atOnce) // what is allocated once
  await settle()
  const before = held()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const time = await start(template, starts, atOnce)
  delay.disable()
  await settle()
  const after = held()
  const growth = Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name as keyof Held]]))
  const memory = await create(template, created)
  template.close()
  const loop = { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }
  const report = { starts, atOnce, each: time / starts, growth, loop, created: memory }
  if (values.json) return void process.stdout.write(`${JSON.stringify(report)}\n`)
  const fixed = (value: number): string => value.toFixed(2)
  process.stdout.write([
    `${starts} starts, ${atOnce} at a time: ${fixed(report.each)} ms each`,
    `growth: ${Object.entries(growth).map(([name, value]) => `${name} ${value}${name === 'rss' ? ' KB' : ''}`).join(', ')}`,
    `timer of 1 ms late by (ms, includes that 1 ms): median ${fixed(loop.p50)}, p99 ${fixed(loop.p99)}, max ${fixed(loop.max)}`,
    `${created} created containers: ${memory.inits} KB in their inits, ${memory.system} KB of the system's available memory`, '',
  ].join('\n'))
}

main().catch((error: unknown) => {
  process.stderr.write(`soak: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
