/**
 * What is left of a container whose maker was killed before it was one.
 */
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { disposeCgroup } from '../cgroup/driver.ts'
import { killCgroup } from '../cgroup/processes.ts'
import { NruncError } from '../errors.ts'
import { orElse } from '../native/refused.ts'
import { endsWithin, KILL_PATIENCE, signalProcess } from '../native/watch.ts'
import { removeResctrl } from '../resctrl/group.ts'
import { removeDirectory } from '../state/directory.ts'
import { readStaged, type StateFile } from '../state/file.ts'
import { FIFO, isAlive, startTimeOf } from '../state/status.ts'

const SIGKILL = 9

/**
 * Remove it: its processes, cgroups and DIRECTORY. Whoever calls has the lock.
 *
 * @throws NruncError ERR_STATUS when a process does not end, ERR_CGROUP, ERR_SIGNAL, ERR_STATE_INVALID
 */
export async function removeStaged(directory: string): Promise<void> {
  const staged = readStaged(directory)
  if (staged !== undefined) {
    if (staged.init_process_pid === 0) await removeUnknown(directory, staged)
    else await removeKnown(staged)
    removeResctrl(staged.intel_rdt_own)
  }
  removeDirectory(directory)
}

async function removeKnown({ id, init_process_pid: pid, init_process_start: start, cgroup_paths: paths, systemd }: StateFile): Promise<void> {
  await kill(id, pid, String(start))
  await killCgroup(paths)
  await disposeCgroup(paths, systemd)
}

/**
 * The maker did not come to know its process, and perhaps made none: the cgroups, if there are any, may be another
 * container's. Init is known by its FIFO; without one it has ended by itself, because its channel is closed. A scope of
 * systemd is not there yet.
 */
async function removeUnknown(directory: string, { id, cgroup_paths: paths, systemd }: StateFile): Promise<void> {
  const fifo = join(directory, FIFO)
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    const startTime = startTimeOf(name)
    if (startTime !== '' && holds(name, fifo)) await kill(id, Number(name), startTime)
  }
  if (systemd === undefined) await disposeCgroup(paths, undefined)
}

async function kill(id: string, pid: number, startTime: string): Promise<void> {
  signalProcess(pid, startTime, SIGKILL)
  await endsWithin(pid, startTime, KILL_PATIENCE)
  if (isAlive(pid, startTime)) throw new NruncError('ERR_STATUS', `container init still running: ${id}`, { operand: id })
}

/** Whether a process has PATH among its descriptors. Not for one that is gone, or another user's. */
const holds = (pid: string, path: string): boolean => orElse(false, () =>
  readdirSync(`/proc/${pid}/fd`).some((fd) => orElse('', () => readlinkSync(`/proc/${pid}/fd/${fd}`)) === path))
