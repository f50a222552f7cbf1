/** The loads of the soak: each makes containers and processes through the built library and leaves none. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { memoryOf } from './memory.ts'
import { groupRoot } from './options.ts'

/** The part of the library's API that is loaded. */
export interface Result { readonly stdout: string; readonly exitCode: number }
export interface Container {
  readonly pid: number
  readonly stdout: AsyncIterable<Uint8Array> | null
  start(): Promise<void>
  wait(options: { stats: boolean }): Promise<{ code: number | null; signal: string | null; aborted: boolean }>
  execute(options: object): Promise<Result>
  stats(): Promise<{ pids: { current: number } }>
  pause(): Promise<void>
  resume(): Promise<void>
  kill(signal: string): Promise<void>
  writeFile(path: string, data: string): Promise<void>
  readFile(path: string, options: { encoding: 'utf8' }): Promise<string>
  once(event: 'exit', listener: () => void): void
  delete(options?: { force?: boolean }): Promise<void>
}
export interface Template {
  run(options: object): Promise<Container>
  create(options: object): Promise<Container>
  close(): void
}
export interface Pool {
  acquire(options: object): Promise<Container>
  execute(options: object): Promise<Result>
  close(): Promise<void>
}
export interface Runtime {
  compile(options: object): Promise<Template>
  pool(options: object): Promise<Pool>
  list(): Promise<{ readonly id: string }[]>
  delete(id: string, options: { force: boolean }): Promise<void>
}

/** What the names of the containers begin with, and so those of their cgroups. */
export const idPrefix = `soak-${process.pid}-`

let made = 0
const named = () => ({ id: `${idPrefix}${made++}`, stdin: 'ignore', stderr: 'ignore' }) as const
const quiet = () => ({ ...named(), stdout: 'ignore' }) as const
const sleeping = () => ({ ...quiet(), args: ['/bin/sleep', '100000'] })
/** Of a pool, whose containers have names of their own. */
const silent = { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' } as const

/** COUNT times, AT_ONCE at the same time. @returns ms of all */
async function repeat(count: number, atOnce: number, work: (index: number) => Promise<void>): Promise<number> {
  let next = 0
  const before = process.hrtime.bigint()
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, async () => {
    while (next < count) await work(next++)
  }))
  return Number(process.hrtime.bigint() - before) / 1e6
}

function must<T>(what: string, got: T, wanted: T): void {
  if (got !== wanted) throw new Error(`${what}: ${String(got)} instead of ${String(wanted)}`)
}

/** Containers to their end, and removed. @returns ms of all */
export const starts = (template: Template, count: number, atOnce: number): Promise<number> => repeat(count, atOnce, async () => {
  const container = await template.run(quiet())
  must('a container ended with', (await container.wait({ stats: false })).code, 0)
  await container.delete()
})

/** Processes in containers that run, with what they write. @returns ms of all */
export async function execs(template: Template, count: number, atOnce: number, containers: number): Promise<number> {
  const running = await many(template, containers, 'run')
  try {
    return await repeat(count, atOnce, async (index) => {
      const { stdout } = await running[index % containers]!.execute({ args: ['/bin/sh', '-c', 'echo $0', String(index)] })
      must('a process wrote', stdout, String(index))
    })
  } finally {
    await removeAll(running)
  }
}

/** MemAvailable of /proc/meminfo, KB. */
const available = (): number => Number(/^MemAvailable: +(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1])

/** KB: of their inits or programs, of this process, of the whole system (with all that others do meanwhile). */
export interface HeldByMany {
  readonly count: number
  readonly programs: number
  readonly own: number
  readonly system: number
}

const AT_ONCE = 8

async function many(template: Template, count: number, how: 'create' | 'run'): Promise<Container[]> {
  const made: Container[] = []
  try {
    await repeat(count, AT_ONCE, async () => void made.push(await template[how](how === 'run' ? sleeping() : quiet())))
  } catch (error) {
    await removeAll(made)
    throw error
  }
  return made
}

const removeAll = (made: readonly Container[]): Promise<number> =>
  repeat(made.length, AT_ONCE, (index) => made[index]!.delete({ force: true }))

/** Containers at the same time, created or running. A process is executed in each of those that run, and all are counted. */
export async function hold(template: Template, count: number, how: 'create' | 'run'): Promise<HeldByMany> {
  globalThis.gc?.()
  await sleep(500)
  const before = { system: available(), own: process.memoryUsage.rss() }
  const made = await many(template, count, how)
  try {
    if (how === 'run') {
      await repeat(count, AT_ONCE, async (index) => must('processes', (await made[index]!.stats()).pids.current, 1))
      await repeat(count, AT_ONCE, async (index) => must('exit code', (await made[index]!.execute({ args: ['/bin/true'] })).exitCode, 0))
    }
    await sleep(500)
    const programs = made.reduce((sum, { pid }) => sum + memoryOf(pid).pss, 0)
    return { count, programs, own: Math.round((process.memoryUsage.rss() - before.own) / 1024), system: before.system - available() }
  } finally {
    await removeAll(made)
  }
}

async function contentOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

type Activity = (round: number) => Promise<void>

/** What a service does all day, some of which fails. */
function activities(runtime: Runtime, template: Template, pool: Pool, config: object): Record<string, Activity> {
  const short = async (container: Container, code: number): Promise<void> => {
    must('a container ended with', (await container.wait({ stats: true })).code, code)
    await container.delete()
  }
  return {
    start: async () => short(await template.run(quiet()), 0),
    created: async () => {
      const container = await template.create({ ...quiet(), args: ['/bin/sh', '-c', 'exit 3'] })
      await container.start()
      await short(container, 3)
    },
    output: async (round) => {
      const container = await template.run({ ...named(), args: ['/bin/sh', '-c', 'echo $0', String(round)] })
      must('output', await contentOf(container.stdout!), `${round}\n`)
      await short(container, 0)
    },
    acquire: async () => short(await pool.acquire(silent), 0),
    pooled: async (round) => {
      const { stdout } = await pool.execute({ args: ['/bin/sh', '-c', 'echo $0', String(round)] })
      must('output', stdout, String(round))
    },
    inside: async (round) => {
      const container = await template.run(sleeping())
      let ended = false
      container.once('exit', () => void (ended = true))
      must('processes', (await container.stats()).pids.current, 1)
      await container.writeFile('/dev/shm/file', String(round))
      must('file', await container.readFile('/dev/shm/file', { encoding: 'utf8' }), String(round))
      must('file', (await container.execute({ args: ['/bin/sh', '-c', 'read a < /dev/shm/file; echo $a'] })).stdout, String(round))
      must('exit code', (await container.execute({ args: ['/bin/sh', '-c', 'exit 4'], reject: false })).exitCode, 4)
      await container.pause()
      await container.resume()
      await container.kill('SIGKILL')
      must('signal', (await container.wait({ stats: true })).signal, 'SIGKILL')
      must('exit event', ended, true)
      await container.delete()
    },
    aborted: async () => {
      const abort = new AbortController()
      const container = await template.run({ ...sleeping(), signal: abort.signal, gracePeriod: 0 })
      abort.abort()
      must('aborted', (await container.wait({ stats: true })).aborted, true)
      await container.delete()
    },
    refused: async () => {
      const start = template.run({ ...quiet(), args: ['/no/such'] })
      must('error', await start.then(() => 'none', ({ code }: { code: string }) => code), 'ERR_PROGRAM')
    },
    compiled: async () => {
      const other = await runtime.compile(config)
      await short(await other.run(quiet()), 0)
      other.close()
    },
  }
}

/** All kinds of work, AT_ONCE at the same time, for so many milliseconds. @returns how often each was done */
export async function mixed(
  runtime: Runtime, template: Template, config: object, time: number, atOnce: number,
): Promise<Record<string, number>> {
  const pool = await runtime.pool({ ...config, size: 4, cgroupsParent: `/${groupRoot}` })
  const work = Object.entries(activities(runtime, template, pool, config))
  const done: Record<string, number> = Object.fromEntries(work.map(([name]) => [name, 0]))
  let until = performance.now() + time
  let round = 0
  const one = async (): Promise<void> => {
    const at = round++
    const [name, activity] = work[at % work.length]!
    try {
      await activity(at)
      done[name]!++
    } catch (error) {
      until = 0 // the others come to their end
      throw new Error(`${name}, round ${at}`, { cause: error })
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: atOnce }, async () => {
    while (performance.now() < until) await one()
  }))
  await pool.close()
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return done
}
