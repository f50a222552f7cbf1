/**
 * Freezing and thawing. Source: cgroup-v1/freezer-subsystem, cgroup-v2 `cgroup.freeze`.
 */
import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { NruncError } from '../errors.ts'
import { readText } from '../native/files.ts'
import { cgroupFailure, isGone, writeControl } from './directory.ts'
import type { CgroupPaths } from './layout.ts'
import { below, eachChildSync, type Path } from './tree.ts'

/** About 10 s in all, as in runc. */
const attempts = 600

/**
 * Stop all processes of the container, and wait until they have stopped. When they cannot be stopped they go on.
 *
 * @throws NruncError ERR_CGROUP where the container has no cgroup for it, or they are not stopped after 10 s
 */
export async function freezeCgroup(paths: CgroupPaths): Promise<void> {
  const { freezer, '': unified } = paths
  const directory = freezer ?? unified
  if (directory === undefined) {
    throw new NruncError('ERR_CGROUP', 'cannot toggle freezer: cgroups not configured for container')
  }
  try {
    await (freezer === undefined ? freezeUnified(directory) : freezeV1(directory))
  } catch (error) {
    thawCgroup(paths)
    throw error instanceof NruncError ? error : cgroupFailure('cannot freeze', directory, error)
  }
}

async function freezeUnified(directory: string): Promise<void> {
  await writeControl(`${directory}/cgroup.freeze`, '1')
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (/^frozen 1$/m.test(await readText(`${directory}/cgroup.events`))) return
    await pause(attempt)
  }
  throw stuck(directory)
}

/** FREEZING may last for ever while processes come along: to ask again, and to let go now and then, helps. */
async function freezeV1(directory: string): Promise<void> {
  const file = `${directory}/freezer.state`
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt % 25 === 24) {
      await writeControl(file, 'THAWED')
      await pause(attempt)
    }
    await writeControl(file, 'FROZEN')
    if ((await readText(file)).trim() === 'FROZEN') return
    await pause(attempt)
  }
  throw stuck(directory)
}

const pause = (attempt: number): Promise<unknown> => sleep(Math.min(attempt, 17))

const stuck = (directory: string): NruncError => new NruncError('ERR_CGROUP', 'unable to freeze', { operand: directory })

/**
 * Let the processes of the container run, where they were frozen. With `nested` those too that were frozen in a cgroup
 * below: on v1 a frozen process does not even die. A cgroup that is gone is no error.
 */
export function thawCgroup(paths: CgroupPaths, { nested = false } = {}): void {
  const { freezer, '': unified } = paths
  if (freezer !== undefined) thawV1(freezer, nested)
  else if (unified !== undefined) tolerate(() => writeFileSync(`${unified}/cgroup.freeze`, '0', { flag: 'r+' }))
}

/** Let one process of a frozen container die that was killed: on v1 it has to leave the freezer for that. */
export function releaseKilled({ freezer }: CgroupPaths, pid: number): void {
  if (freezer === undefined || pid === 0) return
  try {
    writeFileSync(`${dirname(freezer)}/tasks`, String(pid), { flag: 'r+' })
  } catch {
    // It is dead already, or may not be moved: then it dies when the container is thawed.
  }
}

function thawV1(directory: Path, nested: boolean): void {
  tolerate(() => {
    writeFileSync(below(directory, 'freezer.state'), 'THAWED', { flag: 'r+' })
    if (nested) eachChildSync(directory, (child) => thawV1(child, true))
  })
}

function tolerate(what: () => void): void {
  try {
    what()
  } catch (error) {
    if (!isGone(error)) throw error
  }
}
