/**
 * What a container is doing, from what can be seen of it. Source: runtime-spec runtime.md "State".
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { orElse } from '../native/refused.ts'
import type { Status } from '../options/options.ts'
import type { StateFile } from './file.ts'

export const FIFO = 'exec.fifo'

/**
 * Whether the process of this pid and start time is there and not a zombie. proc(5), stat.
 *
 * @throws NruncError ERR_HOST where this process has not what it takes to look: that is no answer
 */
export function isAlive(pid: number, startTime: number | string): boolean {
  const fields = statFields(pid)
  return fields !== undefined && fields[19] === String(startTime) && fields[0] !== 'Z' && fields[0] !== 'X'
}

/** Clock ticks after boot; empty when there is no such process. proc(5), stat, field 22. */
export const startTimeOf = (pid: number | string): string => statFields(pid)?.[19] ?? ''

/** From the third on: the second may have anything in it. */
const statFields = (pid: number | string): string[] | undefined => orElse(undefined, () => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
})

/** Pids of the processes in the pid namespace of PID: what can be said of a container that has no cgroup. */
export function namespaceProcesses(pid: number): number[] {
  const namespace = (one: string | number): string | undefined => {
    try {
      return readlinkSync(`/proc/${one}/ns/pid`)
    } catch {
      return undefined // gone, or another user's
    }
  }
  const wanted = namespace(pid)
  if (wanted === undefined || wanted === namespace('self')) return [pid]
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && namespace(name) === wanted).map(Number)
}

export function statusOf(directory: string, state: StateFile): Status {
  if (!isAlive(state.init_process_pid, state.init_process_start)) return 'stopped'
  if (isFrozen(state.cgroup_paths)) return 'paused'
  return existsSync(join(directory, FIFO)) && !hasProgram(state.init_process_pid) ? 'created' : 'running'
}

/** Whoever starts a container removes its FIFO afterwards, and may be killed before: then init's program tells. */
function hasProgram(pid: number): boolean {
  return orElse(false, () => !/^\/memfd:nrunc-init|\/#\d+ \(deleted\)$/.test(readlinkSync(`/proc/${pid}/exe`))) // addon/host/image.cc
}

/** Frozen itself, or about to be; what is frozen with a cgroup above it is not paused. */
function isFrozen(paths: StateFile['cgroup_paths']): boolean {
  const unified = paths[''], freezer = paths['freezer']
  if (freezer === undefined && unified === undefined) return false
  const file = freezer === undefined ? `${unified}/cgroup.freeze` : `${freezer}/freezer.self_freezing`
  return orElse(false, () => readFileSync(file, 'latin1').startsWith('1'))
}
