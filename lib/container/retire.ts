/**
 * Removing what is left of a container that has ended: its cgroups and its state.
 */
import { join } from 'node:path'
import { disposeCgroup } from '../cgroup/driver.ts'
import { job } from '../native/addon.ts'
import { removeResctrl } from '../resctrl/group.ts'
import { removeDirectory, stateError } from '../state/directory.ts'
import { processText, type StateFile } from '../state/file.ts'
import type { Lock } from '../state/lock.ts'
import { removeTreeInTurns } from '../state/tree.ts'

/**
 * Remove both, under the LOCK on the state DIRECTORY. Most often there is nothing unusual, and all of it is one piece of
 * work for another thread; what that cannot remove is tried again, with patience.
 *
 * @throws NruncError ERR_CGROUP, ERR_STATE_INVALID
 */
export async function removeContainer(lock: Lock, directory: string, state: StateFile): Promise<void> {
  removeResctrl(state.intel_rdt_own)
  if (state.systemd === undefined && await removeAtOnce(lock, directory, state)) return
  await disposeCgroup(state.cgroup_paths, state.systemd)
  if (state.bundle === join(directory, 'bundle')) await removeBundle(state.bundle)
  removeDirectory(directory)
}

/**
 * The same without a lock, for a container whose process has ended and that nobody else is at work on: all of it on another
 * thread. False when it has to be done step by step.
 */
export async function removeEnded(directory: string, state: StateFile): Promise<boolean> {
  if (state.systemd !== undefined || state.intel_rdt_own !== undefined) return false
  return await removal(directory, state, -1) === 0
}

/** The files of a container of the host's own programs: some 60. @throws NruncError ERR_STATE_INVALID */
async function removeBundle(bundle: string): Promise<void> {
  try {
    await removeTreeInTurns(bundle)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw stateError(bundle, error)
  }
}

async function removeAtOnce(lock: Lock, directory: string, state: StateFile): Promise<boolean> {
  const error = await removal(directory, state, lock.descriptor)
  if (error === 0) lock.giveAway()
  return error === 0
}

async function removal(directory: string, state: StateFile, lock: number): Promise<number> {
  const cgroups = [...new Set(Object.values(state.cgroup_paths))]
  return (await job((native, id) => native.removeContainer(id, cgroups, directory, lock, processText(state)))).a
}
