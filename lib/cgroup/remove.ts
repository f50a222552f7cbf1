/**
 * Removal of a container's cgroups. Runs in the Node process.
 */
import { access, rmdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { NruncError } from '../errors.ts'
import { job } from '../native/addon.ts'
import { cgroupFailure, errnoOf, isGone, requireOwnCgroup } from './directory.ts'
import type { CgroupPaths } from './layout.ts'
import { eachChild, type Path } from './tree.ts'

/** Milliseconds between two attempts, about 2 s in all: the kernel may still be at work on the last process. */
const pauses = [1, 2, 4, 8, 16, 32, 64, 128, 256, 500, 1000]

/** The calls that removal makes, so that tests can stand in for the kernel. */
export interface RemovalCalls {
  /** rmdir of all, off the event loop; true when none is left. The usual case: nothing runs and nothing was added. */
  readonly removeAll: (paths: readonly string[]) => Promise<boolean>
  readonly rmdir: (path: Path) => Promise<void>
  readonly sleep: (milliseconds: number) => Promise<unknown>
}

/**
 * Remove the cgroups of `cgroup_paths` and those that the container made below them. One that is gone is no error; one
 * that is busy is tried again for about 2 s. Nobody is killed. All are tried even when one fails.
 *
 * @throws NruncError ERR_CGROUP with the path and the errno of the first that stays
 */
export async function removeCgroup(paths: CgroupPaths, calls: RemovalCalls = kernel): Promise<void> {
  const directories = [...new Set(Object.values(paths))]
  if (directories.length === 0 || await calls.removeAll(directories)) return
  const results = await Promise.allSettled(directories.map(directory => removeTree(directory, calls)))
  for (const result of results) {
    if (result.status === 'rejected') throw result.reason
  }
}

/** Remove those cgroups of `cgroup_paths` that hold neither processes nor cgroups, in one attempt. */
export async function removeEmptyCgroups(paths: CgroupPaths): Promise<void> {
  await removeAll([...new Set(Object.values(paths))])
}

/** The slow calls are looked up when they are needed: their modules are large, and most often it is enough to remove all. */
const kernel: RemovalCalls = {
  removeAll: (paths) => removeAll(paths), rmdir: (path) => rmdir(path), sleep: (milliseconds) => sleep(milliseconds),
}

const removeAll = async (paths: readonly string[]): Promise<boolean> =>
  (await job((native, id) => native.removeDirectories(id, paths))).a === 0

async function removeTree(directory: string, calls: RemovalCalls): Promise<void> {
  let refusal = await tryRemove(directory, calls)
  if (refusal === undefined) return
  await requireOwnCgroup(directory)
  for (const pause of pauses) {
    await removeChildren(directory, calls)
    refusal = await tryRemove(directory, calls)
    if (refusal === undefined) return
    await calls.sleep(pause)
  }
  throw cgroupFailure('cannot remove', directory, refusal)
}

/** Deepest first. One that stays is found again at the next attempt. */
async function removeChildren(directory: Path, calls: RemovalCalls): Promise<void> {
  try {
    await eachChild(directory, async (child) => {
      await removeChildren(child, calls)
      await tryRemove(child, calls)
    })
  } catch (error) {
    if (error instanceof NruncError) throw error
  }
}

/** The error when DIRECTORY is busy, undefined when it is gone. Other errors are thrown: time does not heal them. */
async function tryRemove(directory: Path, calls: RemovalCalls): Promise<unknown> {
  try {
    await calls.rmdir(directory)
    return undefined
  } catch (error) {
    if (isGone(error)) return undefined
    if (['EBUSY', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) return error
    // A read-only mount says EROFS about what does not exist, too.
    if (await access(directory).then(() => false, isGone)) return undefined
    throw cgroupFailure('cannot remove', directory.toString(), error)
  }
}
