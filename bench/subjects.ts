/**
 * How each subject starts one container, waits for it and removes it. Runs in a worker process.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { bundleOf, idOf, rootfsOf } from './bundle.ts'
import { groupRoot, stateRoot, type Places, type SubjectName } from './options.ts'

/** One start, wait and removal in a slot; slots can run at the same time. Gives nanoseconds. */
export interface Start {
  (slot: number): Promise<bigint>
  /** Work that was put off is done: it must not run while another subject is measured. */
  settle?(): Promise<void>
}

/** The part of the library's API that is measured. */
export interface LibraryContainer {
  readonly pid: number
  wait(options: { stats: false }): Promise<{ code: number | null; signal: string | null }>
  delete(options?: { force?: boolean }): Promise<void>
}
interface Library {
  Runtime: new (options: { root: string }) => {
    run(options: object): Promise<LibraryContainer>
    create(options: object): Promise<LibraryContainer>
    compile(options: object): Promise<{ run(options: object): Promise<LibraryContainer> }>
    pool(options: object): Promise<{ readonly ready: number; readonly size: number; acquire(options: object): Promise<LibraryContainer> }>
  }
}

/** Load the built library. Its state directory is the same for every worker. */
export const loadLibrary = async (places: Places): Promise<InstanceType<Library['Runtime']>> => {
  const { Runtime } = (await import(pathToFileURL(join(places.home, 'dist/index.js')).href)) as Library
  return new Runtime({ root: join(stateRoot, 'library') })
}

const timed = async (work: () => Promise<void>): Promise<bigint> => {
  const before = process.hrtime.bigint()
  await work()
  return process.hrtime.bigint() - before
}

const quiet = ['ignore', 'ignore', 'ignore'] as const

/** Spawn a command from this process and wait for it. @throws Error when it does not exit with 0. */
const runCommand = (command: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const [file, ...args] = command as [string, ...string[]]
    const child = spawn(file, args, { stdio: [...quiet] })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`${command.join(' ')} ended with ${signal ?? code}`))
    })
  })

/** The command line of a runtime up to the subcommand. */
export const runtimeCommand = (name: 'nrunc' | 'crun' | 'runc', places: Places): readonly string[] => {
  const root = ['--root', join(stateRoot, name)]
  if (name === 'nrunc') return [join(places.home, 'dist/nrunc'), ...root]
  return [places[name], ...root]
}

/** @throws Error with what the runtime wrote to its standard error, when a first start fails. */
const runWith = (name: 'nrunc' | 'crun' | 'runc', places: Places): Start => {
  const command = (slot: number): readonly string[] =>
    [...runtimeCommand(name, places), 'run', '--bundle', bundleOf(places.work, name, slot), idOf(name, slot)]
  const [file, ...args] = command(0) as [string, ...string[]]
  const first = spawnSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  if (first.error !== undefined) throw first.error
  if (first.status !== 0) {
    const said = first.stderr.split('\n').find((line) => /error/i.test(line)) ?? first.stderr.trim()
    throw new Error(said === '' ? `ended with ${first.signal ?? first.status}` : said)
  }
  return (slot) => timed(() => runCommand(command(slot)))
}

const ignored = { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' } as const

/** To its end, and removed. */
const finish = async (container: LibraryContainer): Promise<void> => {
  const { code, signal } = await container.wait({ stats: false })
  await container.delete()
  if (code !== 0) throw new Error(`the container ended with ${signal ?? code}`)
}

const runInProcess = async (places: Places): Promise<Start> => {
  const runtime = await loadLibrary(places)
  return (slot) => timed(async () =>
    finish(await runtime.run({ id: idOf('library', slot), bundle: bundleOf(places.work, 'library', slot), ...ignored })))
}

/** A template a slot, because each has a cgroup of its own; compiled at its first use. */
const runTemplate = async (places: Places): Promise<Start> => {
  const runtime = await loadLibrary(places)
  const templates = new Map<number, ReturnType<typeof runtime.compile>>()
  const start = async (slot: number): Promise<bigint> => {
    const compiled = templates.get(slot) ?? runtime.compile({ bundle: bundleOf(places.work, 'library', slot) })
    templates.set(slot, compiled)
    const template = await compiled
    return timed(async () => finish(await template.run({ id: idOf('template', slot), ...ignored })))
  }
  return Object.assign(start, { settle: () => sleep(networksMade) })
}

/** ms after the last start in which the network namespaces that were taken have been made anew: 20, and time for 64. */
const networksMade = 60

/** As many as are started at a time at most; filled up between the bursts: a start is the time of an exec. */
const poolSize = 32

const runPool = async (places: Places): Promise<Start> => {
  const runtime = await loadLibrary(places)
  const bundle = bundleOf(places.work, 'library', 0)
  const pool = await runtime.pool({ bundle, size: poolSize, cgroupsParent: `/${groupRoot}` })
  const settle = async (): Promise<void> => {
    while (pool.ready < pool.size) await sleep(5)
  }
  return Object.assign((_slot: number) => timed(async () => finish(await pool.acquire(ignored))), { settle })
}

/** One C program a slot, started at its first use; it measures itself, a line in and a line out for each start. */
const runFloor = (places: Places): Start => {
  const slots = new Map<number, { child: ChildProcess; answers: AsyncIterator<string> }>()
  const open = (slot: number) => {
    const args = [rootfsOf(places.work), idOf('floor', slot), join(stateRoot, 'floor')]
    const child = spawn(join(places.work, 'floor'), args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const entry = { child, answers: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
    slots.set(slot, entry)
    return entry
  }
  return async (slot) => {
    const { child, answers } = slots.get(slot) ?? open(slot)
    child.stdin?.write('go\n')
    const answer = await answers.next()
    if (answer.done === true) throw new Error('the floor program ended')
    return BigInt(answer.value)
  }
}

/** Make a subject ready. @throws Error when what it measures is not there. */
export const openSubject = async (name: SubjectName, places: Places): Promise<Start> => {
  switch (name) {
    case 'library': return runInProcess(places)
    case 'template': return runTemplate(places)
    case 'pool': return runPool(places)
    case 'floor': return runFloor(places)
    case 'spawn': return () => timed(() => runCommand(['/bin/true']))
    case 'node': return () => timed(() => runCommand([process.execPath, '-e', '0']))
    default: return runWith(name, places)
  }
}
