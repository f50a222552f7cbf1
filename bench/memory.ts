/**
 * The memory of a created container: what its init, waiting for `start`, holds. Runs in a worker process.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleOf, idOf } from './bundle.ts'
import type { Places } from './options.ts'
import { loadLibrary, runtimeCommand } from './subjects.ts'

/** Kilobytes. `rss` counts shared pages in full, `pss` by share, `own` not at all. */
export interface Memory {
  readonly rss: number
  readonly pss: number
  readonly own: number
}

/** Runtimes that can leave a created container behind. */
export const creators = ['library', 'nrunc', 'crun', 'runc'] as const
export type Creator = (typeof creators)[number]

/**
 * Memory of a process, in KB, from /proc/PID/smaps_rollup (proc_pid_smaps(5)). VmRSS of /proc/PID/status is not used:
 * it may be off by more than a small process has.
 */
export const memoryOf = (pid: number): Memory => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const field = (name: string): number => {
    const match = new RegExp(`^${name}: +([0-9]+) kB$`, 'm').exec(text)
    if (match === null) throw new Error(`/proc/${pid}/smaps_rollup has no ${name}`)
    return Number(match[1])
  }
  return { rss: field('Rss'), pss: field('Pss'), own: field('Private_Clean') + field('Private_Dirty') }
}

const createdByLibrary = async (places: Places): Promise<Memory> => {
  const runtime = await loadLibrary(places)
  const container = await runtime.create({
    id: idOf('library', 0), bundle: bundleOf(places.work, 'library', 0),
    stdin: 'ignore', stdout: 'ignore', stderr: 'ignore',
  })
  try {
    return memoryOf(container.pid)
  } finally {
    await container.delete({ force: true })
  }
}

/** Create a container, measure its init and remove it. @throws Error when a step fails. */
export const createdMemory = async (name: Creator, places: Places): Promise<Memory> => {
  if (name === 'library') return createdByLibrary(places)
  const [file, ...args] = runtimeCommand(name, places) as [string, ...string[]]
  const call = (...more: string[]): void => void execFileSync(file, [...args, ...more], { stdio: 'ignore' })
  const pidFile = join(places.work, `${name}.pid`)
  call('create', '--bundle', bundleOf(places.work, name, 0), '--pid-file', pidFile, idOf(name, 0))
  try {
    return memoryOf(Number(readFileSync(pidFile, 'utf8')))
  } finally {
    call('delete', '--force', idOf(name, 0))
  }
}
