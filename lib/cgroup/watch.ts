/**
 * Events of a cgroup: the OOM killer, and memory that is getting short. Source: admin-guide/cgroup-v1/memory (9, 10, 11),
 * admin-guide/cgroup-v2 `memory.events`, Documentation/accounting/psi.
 */
import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { NruncError } from '../errors.ts'
import { NOTIFY, type Notification, notify } from '../native/notify.ts'
import { cgroupFailure, isGone } from './directory.ts'
import type { CgroupPaths } from './layout.ts'
import { oomFile, oomKills } from './oom.ts'

/** What is watched for until it is closed. */
export type CgroupWatch = Notification

/** Who is told of the OOM killer. */
export interface OomListener {
  /** The container ran out of memory: on v1 whenever it did, on v2 when a process of it was killed for that. */
  readonly oom: () => void
  /** Nothing more comes: on v1 the cgroup is gone, on v2 no process is left in it. */
  readonly end?: (() => void) | undefined
}

/**
 * Watch for the OOM killer.
 *
 * @throws NruncError ERR_CGROUP where the container has no memory controller, or its cgroup is gone
 */
export function watchOom(paths: CgroupPaths, listener: OomListener): CgroupWatch {
  const file = oomFile(paths)
  if (file === undefined) throw withoutMemory()
  return paths['memory'] !== undefined ? watchOomV1(file, listener) : watchOomV2(file, listener)
}

/** The kernel also tells of the removal of the cgroup. */
function watchOomV1(file: string, { oom, end }: OomListener): CgroupWatch {
  const watch = start(NOTIFY.eventControl, [file], '', () => {
    if (existsSync(file)) return oom()
    watch.close()
    end?.()
  })
  return watch
}

function watchOomV2(file: string, { oom, end }: OomListener): CgroupWatch {
  const populated = `${posix.dirname(file)}/cgroup.events`
  let count = readKills(file)
  const look = (): void => {
    const former = count
    count = Math.max(count, readKills(file))
    if (count > former) oom()
    if (isPopulated(populated)) return
    watch.close()
    end?.()
  }
  const watch = start(NOTIFY.modified, [file, populated], '', look)
  if (!isPopulated(populated)) queueMicrotask(look) // it may have emptied before it was watched
  return watch
}

function readKills(file: string): number {
  try {
    return oomKills(readFileSync(file, 'latin1'))
  } catch {
    return 0 // it is looked at with the next event
  }
}

function isPopulated(file: string): boolean {
  try {
    return readFileSync(file, 'latin1').includes('populated 1')
  } catch (error) {
    return !isGone(error) // where nobody can look, it is looked at with the next event
  }
}

/** How short memory is: the levels of v1's vmpressure. On v2 what tasks lose by it is measured, in 2 s. */
export type PressureLevel = 'low' | 'medium' | 'critical'

/** Microseconds lost by some or by all tasks in a window; a user without privileges may ask for windows of 2 s only. */
const triggers: Readonly<Record<PressureLevel, string>> = {
  low: 'some 100000 2000000', medium: 'some 300000 2000000', critical: 'full 200000 2000000',
}

/** Who is told when memory gets short. */
export interface PressureListener {
  readonly pressure: () => void
  /** The cgroup is gone. */
  readonly end?: (() => void) | undefined
}

/**
 * Watch for memory pressure: on v1 through `memory.pressure_level`, on v2 through a PSI trigger on `memory.pressure`.
 *
 * @throws NruncError ERR_CGROUP where the host does not measure it, or the cgroup is gone
 */
export function watchMemoryPressure(paths: CgroupPaths, level: PressureLevel, { pressure, end }: PressureListener): CgroupWatch {
  const { memory, '': unified } = paths
  const directory = memory ?? unified
  if (directory === undefined) throw withoutMemory()
  const [kind, file, argument] = memory !== undefined
    ? [NOTIFY.eventControl, `${directory}/memory.pressure_level`, level] as const
    : [NOTIFY.trigger, `${directory}/memory.pressure`, triggers[level]] as const
  const watch = start(kind, [file], argument, () => {
    if (existsSync(file)) return pressure()
    watch.close()
    end?.()
  })
  return watch
}

const withoutMemory = (): NruncError => new NruncError('ERR_CGROUP', 'memory controller missing')

function start(...[kind, paths, argument, listener]: Parameters<typeof notify>): CgroupWatch {
  try {
    return notify(kind, paths, argument, listener)
  } catch (error) {
    throw cgroupFailure('cannot watch', posix.dirname(paths[0] ?? ''), error)
  }
}
