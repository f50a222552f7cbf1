/**
 * What a failure could leave behind on the host: processes, mounts, cgroups, descriptors of this process, state.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
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
  /** Ids below the state root, where compiled filters stay for the next container. */
  readonly state: readonly string[]
}

/** What is there now. */
export function snapshot({ prefix, root }: Pick<Sandbox, 'prefix' | 'root'>): Snapshot {
  const cgroups = testCgroups(prefix)
  const pids = [...childrenOf(process.pid), ...cgroups.flatMap(processesIn), ...orphanedInits(prefix)]
  return {
    processes: [...new Set(pids)]
      .sort((one, other) => one - other)
      .map((pid) => `${pid}${statOf(pid)?.state === 'Z' ? ' (zombie)' : ''}`),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n'),
    cgroups,
    descriptors: readdirSync('/proc/self/fd')
      .map((fd) => linkOf(`/proc/self/fd/${fd}`) ?? '')
      .filter(isOurs)
      .sort(),
    state: existsSync(root) ? readdirSync(root).filter((name) => name !== '@seccomp').sort() : [],
  }
}

/**
 * Node opens and closes some on its own, and leaves a module open when its worker is terminated while it loads it; pipes
 * and sockets are told apart by nothing but their number.
 */
const isOurs = (target: string): boolean => target !== '' && !target.startsWith('/proc/') && !target.startsWith(modules)
const modules = fileURLToPath(new URL('../../dist/', import.meta.url))

/** Inits whose parent has gone, but for those in the cgroup of another file's container. */
function orphanedInits(prefix: string): number[] {
  return childrenOf(1).filter((pid) => {
    if (!linkOf(`/proc/${pid}/exe`)?.includes('nrunc-init')) return false
    const cgroup = existsSync(`/proc/${pid}/cgroup`) ? readFileSync(`/proc/${pid}/cgroup`, 'utf8') : ''
    return cgroup.includes(prefix) || !/\/nrunc/.test(cgroup)
  })
}

/** What is in the second list and not, or not as often, in the first. */
function added(before: readonly string[], after: readonly string[]): string[] {
  const left = [...before]
  return after.filter((one) => {
    const at = left.indexOf(one)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/**
 * Fails when there is anything that was not there at BEFORE. A process may still be on its way out, so it is looked at
 * again until there is nothing.
 */
export async function nothingLeft(sandbox: Sandbox, before: Snapshot): Promise<void> {
  const kinds = ['processes', 'mounts', 'cgroups', 'descriptors', 'state'] as const
  await expect.poll(() => {
    const after = snapshot(sandbox)
    return kinds.flatMap((kind) => added(before[kind], after[kind]).map((one) => `${kind}: ${one}`))
  }, { timeout: 30_000, interval: 20 }).toEqual([])
}

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
