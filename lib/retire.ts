/**
 * Removing what is left of a container that has ended: its cgroups and its state.
 */
import { disposeCgroup } from './cgroup/driver.ts'
import { job } from './native/addon.ts'
import { removeResctrl } from './resctrl/group.ts'
import { removeDirectory } from './state/directory.ts'
import type { StateFile } from './state/file.ts'
import type { Lock } from './state/lock.ts'

/**
 * Remove both, under the LOCK on the state DIRECTORY. Most often there is nothing unusual, and all of it is one piece of
 * work for another thread; what that cannot remove is tried again, with patience.
 *
 * @throws NruncError ERR_CGROUP, ERR_STATE_INVALID
 */
export async function removeContainer(lock: Lock, directory: string, state: StateFile): Promise<void> {
  removeResctrl(state.intel_rdt_own)
  if (state.systemd === undefined && await removeAtOnce(lock, directory, Object.values(state.cgroup_paths))) return
  await disposeCgroup(state.cgroup_paths, state.systemd)
  removeDirectory(directory)
}

async function removeAtOnce(lock: Lock, directory: string, cgroups: readonly string[]): Promise<boolean> {
  const { a: error } = await job((native, id) => native.removeContainer(id, [...new Set(cgroups)], directory, lock.descriptor))
  if (error === 0) lock.giveAway()
  return error === 0
}
