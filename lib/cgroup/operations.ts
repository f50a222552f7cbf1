/**
 * The cgroup part of a plan: make the directories, set the limits, enter. Pure.
 */
import { NruncError } from '../errors.ts'
import type { Operation } from '../plan/operations.ts'
import type { Device, Resources } from '../spec/schema.ts'
import { deviceProgram } from './device-program.ts'
import { deviceLimits, devicePolicy } from './devices.ts'
import type { CgroupHost } from './host.ts'
import type { CgroupDirectory, CgroupLayout, CgroupPaths } from './layout.ts'
import type { HasFile, Limit } from './limit.ts'
import { deviceVersion, type PlacedLimit, selectLimits } from './select.ts'

/** What the operations depend on besides the layout and `linux.resources`. */
export interface CgroupFacts {
  /** `linux.devices`. */
  readonly devices?: readonly Device[] | undefined
  /** Which interface files the kernel has, as {@link cgroupFiles} says. Default: not known. */
  readonly has?: HasFile | undefined
}

/** How a process gets into the cgroups. */
export interface CgroupEntry {
  /** v1 files to which the process writes "0" itself. */
  readonly tasks: readonly { readonly path: string }[]
  /** The cgroup2 directory for CLONE_INTO_CGROUP; clone(2). Empty for none. */
  readonly into: string
}

/** The cgroup part of a plan. */
export interface CgroupOperations extends CgroupEntry {
  /** For the host, in this order, before the first process enters. */
  readonly prepare: readonly Operation[]
}

/**
 * What makes the cgroups of LAYOUT with the limits of RESOURCES.
 *
 * @throws NruncError ERR_CGROUP naming the field of a limit that has no controller here; ERR_CONFIG_INVALID for a value
 * that cannot be set
 */
export function cgroupOperations(
  host: CgroupHost, layout: CgroupLayout, resources: Resources = {}, facts: CgroupFacts = {},
): CgroupOperations {
  const make = layout.directories.map(({ root, path, version, controllers }): Operation => ({
    op: 'makeCgroup', field: layout.field, root, path,
    controllers: version === 2 ? controllers.map(name => `+${name}`).join(' ') : '',
    cpuset: version === 1 && controllers.includes('cpuset') ? 1 : 0,
  }))
  const limits = selectLimits(host, resources, facts.has ?? (() => undefined))
    .map(limit => writeLimit(homeOf(layout, limit), limit))
  const devices = layout.rootless ? [] : deviceOperations(host, layout, resources, facts.devices ?? [])
  return { prepare: [...make, ...limits, ...devices], ...cgroupEntry(layout.paths) }
}

/** How a process gets into the cgroups of `cgroup_paths`; for the first process and for exec. */
export function cgroupEntry(paths: CgroupPaths): CgroupEntry {
  const { '': into = '', ...v1 } = paths
  return { tasks: [...new Set(Object.values(v1))].map(path => ({ path: `${path}/tasks` })), into }
}

const writeLimit = (directory: CgroupDirectory, { file, value, field, optional }: Limit): Operation =>
  ({ op: 'writeCgroup', field, path: `${directory.path}/${file}`, value, optional: optional ? 1 : 0 })

function homeOf(layout: CgroupLayout, { version, controller, field }: PlacedLimit): CgroupDirectory {
  const directory = layout.directories.find(one => one.version === version && one.controllers.includes(controller))
  if (directory !== undefined) return directory
  const message = `cannot set ${controller} limit: container could not join or create cgroup`
  throw new NruncError('ERR_CGROUP', message, { field, operand: controller })
}

/** As in runc, the rules of a rootless container are not enforced: user namespaces have no devices to open anyway. */
function deviceOperations(
  host: CgroupHost, layout: CgroupLayout, resources: Resources, devices: readonly Device[],
): Operation[] {
  const policy = devicePolicy(resources.devices ?? [], devices.map(({ path }) => path))
  const version = deviceVersion(host)
  const directory = layout.directories.find(one =>
    one.version === version && (version === 2 || one.controllers.includes('devices')))
  if (directory === undefined) throw new NruncError('ERR_CGROUP', 'mountpoint for devices not found')
  if (version === 1) return deviceLimits(policy).map(limit => writeLimit(directory, limit))
  const program = deviceProgram(policy)
  const field = resources.devices === undefined ? '' : '/linux/resources/devices'
  return program === undefined ? [] : [{ op: 'attachDeviceProgram', field, path: directory.path, program }]
}
