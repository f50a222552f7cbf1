/**
 * What a failure could leave behind on the host: processes, mounts, cgroups, descriptors of this process, state.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { processesIn, testCgroups } from './cgroup.ts'
import type { Sandbox } from './containers.ts'
import { childrenOf, linkOf, statOf } from './host.ts'

export interface Snapshot {
  /** Children of this process, zombies too; processes in cgroups of this file's containers; inits of nobody else. */
  readonly processes: readonly string[]
  readonly mounts: readonly string[]
  readonly cgroups: readonly string[]
  readonly descriptors: readonly string[]
  /** Ids below the state root. */
  readonly state: readonly string[]
}

/** What is there now. */
export function snapshot({ prefix, root }: Pick<Sandbox, 'prefix' | 'root'>): Snapshot {
  const cgroups = testCgroups(prefix)
  const pids = [...childrenOf(process.pid), ...cgroups.flatMap(processesIn), ...orphanedInits(prefix)]
  return {
    processes: [...new Set(pids)].sort((one, other) => one - other).map((pid) => `${pid} ${statOf(pid)?.state} ${commandOf(pid)}`),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n'),
    cgroups,
    descriptors: readdirSync('/proc/self/fd').map((fd) => linkOf(`/proc/self/fd/${fd}`) ?? '').filter(isOurs).sort(),
    state: existsSync(root) ? readdirSync(root).sort() : [],
  }
}

/** Node opens and closes some on its own; pipes and sockets are told apart by nothing but their number. */
const isOurs = (target: string): boolean => target !== '' && !target.startsWith('/proc/')

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

/** Inits whose parent has gone, but for those in the cgroup of another file's container. */
function orphanedInits(prefix: string): number[] {
  return childrenOf(1).filter((pid) => {
    if (!linkOf(`/proc/${pid}/exe`)?.includes('nrunc-init')) return false
    const cgroup = existsSync(`/proc/${pid}/cgroup`) ? readFileSync(`/proc/${pid}/cgroup`, 'utf8') : ''
    return cgroup.includes(prefix) || !/\/nrunc/.test(cgroup)
  })
}

/**
 * Fails unless everything is as it was at BEFORE. A process may still be on its way out, so it is looked at again until
 * it is so.
 */
export const nothingLeft = (sandbox: Sandbox, before: Snapshot): Promise<void> =>
  expect.poll(() => snapshot(sandbox), { timeout: 30_000, interval: 20 }).toEqual(before)

/**
 * Run WORK, which fails, and make sure that it leaves nothing.
 *
 * @returns what WORK gave
 */
export async function leavesNothing<T>(sandbox: Sandbox, work: () => Promise<T>): Promise<T> {
  const before = snapshot(sandbox)
  const result = await work()
  await nothingLeft(sandbox, before)
  return result
}
