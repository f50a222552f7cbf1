/**
 * The processes of a container, as its cgroups list them. Reads and signals; runs in the Node process.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { NruncError } from '../errors.ts'
import { readText } from '../native/files.ts'
import { cgroupFailure, errnoOf, isGone, requireOwnCgroup, writeControl } from './directory.ts'
import { thawCgroup } from './freeze.ts'
import type { CgroupPaths } from './layout.ts'
import { below, eachChild, type Path } from './tree.ts'

/**
 * The pids, in the caller's pid namespace, of all processes in the container's cgroup and the cgroups that it made
 * below; ascending, each once. Empty when there is no cgroup.
 *
 * @throws NruncError ERR_CGROUP when it cannot be read
 */
export async function cgroupProcesses(paths: CgroupPaths): Promise<number[]> {
  const directory = representative(paths)
  if (directory === undefined) return []
  const pids = new Set(await processesBelow(directory))
  pids.delete(0) // a process that the caller's pid namespace does not have
  return [...pids].sort((one, other) => one - other)
}

/** One hierarchy that all processes of the container are in: `devices` on v1, which every container has. */
const representative = (paths: CgroupPaths): string | undefined =>
  paths['devices'] ?? paths[''] ?? Object.values(paths)[0]

async function processesBelow(directory: Path): Promise<number[]> {
  const pids: number[] = []
  try {
    for (const pid of await readPids(directory)) pids.push(pid)
    await eachChild(directory, async (child) => {
      for (const pid of await processesBelow(child)) pids.push(pid)
    })
    return pids
  } catch (error) {
    if (isGone(error)) return pids
    throw error instanceof NruncError ? error : cgroupFailure('cannot list the processes of', directory.toString(), error)
  }
}

async function readPids(directory: Path): Promise<number[]> {
  const text = await readText(below(directory, 'cgroup.procs')).catch((error: unknown) => {
    // A threaded cgroup lists threads only; cgroups(7), "Threaded mode".
    if (errnoOf(error) === 'EOPNOTSUPP') return readText(below(directory, 'cgroup.threads'))
    throw error
  })
  return text.split('\n').filter(line => line !== '').map(Number)
}

/** Milliseconds between two attempts; about 5 s in all. */
const pauses = [1, 2, 5, 10, 20, 50, 100, 200, 400, 800, 1500, 2000]

/**
 * Kill every process of the container and wait until its cgroup is empty: through `cgroup.kill` (Linux 5.14) on v2,
 * otherwise with SIGKILL to each until none is left. The caller's own process is never signalled.
 *
 * @throws NruncError ERR_CGROUP when the path is not that of a container, or processes are left after 5 s; ERR_SIGNAL
 * when one may not be signalled
 */
export async function killCgroup(paths: CgroupPaths): Promise<void> {
  const directory = representative(paths)
  if (directory === undefined) return
  let left: number[] = []
  for (const pause of pauses) {
    const all = await cgroupProcesses(paths)
    left = all.filter(pid => pid !== process.pid)
    if (left.length === 0) return
    await requireOwnCgroup(directory)
    const atOnce = directory === paths[''] && left.length === all.length && await killAtOnce(directory)
    if (!atOnce) left.forEach(killOne)
    thawCgroup(paths, { nested: true })
    await sleep(pause)
  }
  throw new NruncError('ERR_CGROUP', `cannot kill the processes of cgroup "${directory}": ${left.join(' ')} remain`, {
    operand: directory,
  })
}

const killAtOnce = (directory: string): Promise<boolean> =>
  writeControl(`${directory}/cgroup.kill`, '1').then(() => true, () => false)

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return
    throw new NruncError('ERR_SIGNAL', `cannot kill process ${pid}: ${errnoOf(error)}`, {
      syscall: 'kill', errno: errnoOf(error), operand: String(pid), cause: error,
    })
  }
}
