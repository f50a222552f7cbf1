/**
 * New limits for a container: its cgroups first, then its state. Source: runc's `update`.
 */
import { cgroupHost } from '../cgroup/detect.ts'
import { cgroupProcesses } from '../cgroup/processes.ts'
import { updateDevices } from '../cgroup/update-devices.ts'
import { updateCgroup } from '../cgroup/update.ts'
import { NruncError } from '../errors.ts'
import type { RdtUpdate } from '../resctrl/update.ts'
import type { Resources } from '../spec/schema.ts'
import { validateResources } from '../spec/validate.ts'
import { publishState, stageState, type StateFile } from '../state/file.ts'
import { statusOf } from '../state/status.ts'

/**
 * Set the limits of CHANGES, and the schemata of RDT, and keep them in the state. Whoever calls has the lock. What fails
 * leaves everything as it was.
 *
 * @returns the new state
 * @throws NruncError ERR_STATUS when it is stopped; ERR_CONFIG_INVALID, ERR_CGROUP with fields relative to the resources;
 * ERR_HOST as {@link updateResctrl}
 */
export async function updateResources(directory: string, state: StateFile, changes: unknown, rdt: RdtUpdate = {}): Promise<StateFile> {
  const given = validateResources(changes)
  if (statusOf(directory, state) === 'stopped') throw new NruncError('ERR_STATUS', 'container not running', { operand: state.id })
  const { linux } = state.config
  const merged = mergeResources(linux?.resources ?? {}, given)
  let updated: StateFile = { ...state, config: { ...state.config, linux: { ...linux, resources: merged } } }
  const undo: (() => unknown)[] = []
  try {
    await setLimits(state, updated, given, undo)
    if (rdt.l3CacheSchema || rdt.memBwSchema) updated = await setSchemata(updated, rdt, undo)
    stageState(directory, updated)
    publishState(directory)
    return updated
  } catch (error) {
    for (const back of undo.toReversed()) {
      try {
        await back()
      } catch (reason) {
        process.emitWarning(`setting back limits failed: ${(reason as Error).message}; the limits and state.json may be inconsistent`)
      }
    }
    throw error
  }
}

async function setLimits(state: StateFile, updated: StateFile, given: Resources, undo: (() => unknown)[]): Promise<void> {
  const { systemd: scope, cgroup_paths: paths } = state
  const host = cgroupHost()
  const limits = await updateCgroup(host, paths, dependent(given, updated.config.linux?.resources ?? {}))
  undo.push(limits.undo)
  if (scope !== undefined) {
    const { changeScope } = await import('../cgroup/systemd/driver.ts')
    const directory = paths[''] ?? ''
    undo.push(() => changeScope(scope, directory, limits.former))
    await changeScope(scope, directory, limits.limits)
  }
  if (given.devices === undefined || state.rootless) return // as at creation
  await updateDevices(host, state, updated)
  undo.push(() => updateDevices(host, updated, state))
}

async function setSchemata(state: StateFile, rdt: RdtUpdate, undo: (() => unknown)[]): Promise<StateFile> {
  const [{ resctrlHost }, { updateResctrl }] = await Promise.all([import('../resctrl/host.ts'), import('../resctrl/update.ts')])
  const group = updateResctrl(rdt, state.id, resctrlHost(), {
    path: state.intel_rdt_path, own: state.intel_rdt_own, pids: await cgroupProcesses(state.cgroup_paths),
  })
  undo.push(group.undo)
  const { linux } = state.config
  return {
    ...state, intel_rdt_path: group.path, intel_rdt_own: group.own,
    config: { ...state.config, linux: { ...linux, intelRdt: { ...linux?.intelRdt, ...rdt } } },
  }
}

/**
 * What is stored, with what is given in its place: field by field, of lists entry by entry, the rules for devices as a
 * whole. Zero takes a stored limit out of the state, as in runc, and not out of the cgroup. A memory limit of -1 without
 * a limit for swap is for both. `idle` without shares forgets them: the kernel takes no shares for what is idle.
 */
export function mergeResources(stored: Resources, given: Resources): Resources {
  const merged = { ...stored, ...given }
  if (given.memory !== undefined) {
    const swap = Number(given.memory.limit) === -1 && given.memory.swap === undefined ? { swap: undefined } : {}
    merged.memory = { ...stored.memory, ...given.memory, ...swap }
  }
  if (given.cpu !== undefined) {
    const shares = given.cpu.idle !== undefined && given.cpu.shares === undefined ? { shares: undefined } : {}
    merged.cpu = { ...stored.cpu, ...given.cpu, ...shares }
  }
  if (given.blockIO !== undefined) merged.blockIO = mergeBlockIo(stored.blockIO ?? {}, given.blockIO)
  if (given.hugepageLimits !== undefined) {
    merged.hugepageLimits = mergeList(stored.hugepageLimits, given.hugepageLimits, ({ pageSize }) => pageSize)
  }
  if (given.network !== undefined) {
    const priorities = mergeList(stored.network?.priorities, given.network.priorities, ({ name }) => name)
    merged.network = { ...stored.network, ...given.network, ...(priorities && { priorities }) }
  }
  for (const name of ['rdma', 'unified', 'pids'] as const) {
    if (given[name] !== undefined) Object.assign(merged, { [name]: { ...stored[name], ...given[name] } })
  }
  return merged
}

type BlockIo = NonNullable<Resources['blockIO']>

const deviceLists = [
  'weightDevice', 'throttleReadBpsDevice', 'throttleWriteBpsDevice', 'throttleReadIOPSDevice', 'throttleWriteIOPSDevice',
] as const

function mergeBlockIo(stored: BlockIo, given: BlockIo): BlockIo {
  const lists = deviceLists.flatMap((name) => {
    const merged = mergeList<{ major: unknown, minor: unknown }>(stored[name], given[name], ({ major, minor }) => `${major}:${minor}`)
    return merged === undefined ? [] : [[name, merged] as const]
  })
  return { ...stored, ...given, ...Object.fromEntries(lists) }
}

function mergeList<T>(stored: T[] | undefined, given: T[] | undefined, key: (entry: T) => string): T[] | undefined {
  if (stored === undefined || given === undefined) return given ?? stored
  return [...new Map([...stored, ...given].map((entry) => [key(entry), entry])).values()]
}

/** What is to be written: what is given, and of the stored what the kernel takes only together with it. */
function dependent({ devices: _, ...given }: Resources, { memory = {}, cpu = {} }: Resources): Resources {
  const any = (part: object | undefined, ...names: readonly string[]): boolean =>
    names.some((name) => part?.[name as keyof typeof part] !== undefined)
  return {
    ...given,
    ...(given.memory && {
      memory: {
        ...given.memory, checkBeforeUpdate: memory.checkBeforeUpdate,
        ...(any(given.memory, 'limit', 'swap') && { limit: memory.limit, swap: memory.swap }),
      },
    }),
    ...(given.cpu && {
      cpu: { ...given.cpu, ...(any(given.cpu, 'quota', 'period') && { quota: cpu.quota, period: cpu.period }) },
    }),
  }
}
