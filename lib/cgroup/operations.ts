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
import { deviceVersion, needsDomain, type PlacedLimit, selectLimits } from './select.ts'

/** What the operations depend on besides the layout and `linux.resources`. */
export interface CgroupFacts {
  /** `linux.devices`. */
  readonly devices?: readonly Device[] | undefined
  /** Which interface files the kernel has, as {@link cgroupFiles} says. Default: not known. */
  readonly has?: HasFile | undefined
  /** Host's uid that gets the cgroup, so that the container can make cgroups of its own. Default: it stays the caller's. */
  readonly owner?: () => number | undefined
}

/** How a process gets into the cgroups. */
export interface CgroupEntry {
  /** v1 files to which the process writes "0" itself. */
  readonly tasks: readonly { readonly path: string }[]
  /** The cgroup2 directory for CLONE_INTO_CGROUP; clone(2). Empty for none. */
  readonly into: string
}

/** The cgroup part of a plan. */
export interface CgroupOperations {
  /** For the host, in this order, before the first process enters. */
  readonly prepare: readonly Operation[]
  /** What `prepare` sets, for systemd to know it too. */
  readonly limits: readonly Limit[]
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
  const placed = selectLimits(host, resources, facts.has ?? (() => undefined))
  const unified = needsDomain(placed) ? 2 : 1
  const make = layout.directories.map(({ root, path, version, controllers }): Operation => layout.scope !== undefined ? ({
    op: 'adoptCgroup', field: layout.field, root, path, controllers: controllers.map(name => `+${name}`).join(' '),
  }) : ({
    op: 'makeCgroup', field: layout.field, root, path,
    controllers: version === 2 ? controllers.map(name => `+${name}`).join(' ') : '',
    cpuset: version === 1 && controllers.includes('cpuset') ? 1 : 0,
    unified: version === 2 ? unified : 0,
  }))
  const limits = placed.map(limit => writeLimit(homeOf(layout, limit), limit))
  const devices = layout.rootless || layout.disabled ? [] : deviceOperations(host, layout, resources, facts.devices ?? [])
  return { prepare: [...make, ...limits, ...devices, ...delegate(layout, facts.owner ?? (() => undefined))], limits: placed }
}

/** Only on v2: v1 has no safe delegation. cgroups(7), "Cgroups delegation". */
function delegate({ directories }: CgroupLayout, owner: () => number | undefined): Operation[] {
  if (directories.some(({ version }) => version === 1)) return []
  const uid = owner()
  return uid === undefined ? [] : directories.map(({ path }): Operation => ({ op: 'delegateCgroup', field: '', path, uid }))
}

/** How the first process gets into the cgroups of LAYOUT; systemd puts it into a scope. */
export const firstEntry = ({ scope, paths }: CgroupLayout): CgroupEntry =>
  (scope === undefined ? cgroupEntry(paths) : { tasks: [], into: '' })

/** How a process gets into the cgroups of `cgroup_paths`. */
export function cgroupEntry(paths: CgroupPaths): CgroupEntry {
  const { '': into = '', ...v1 } = paths
  return { tasks: [...new Set(Object.values(v1))].map(path => ({ path: `${path}/tasks` })), into }
}

const writeLimit = (directory: CgroupDirectory, { file, value, field, optional }: Limit): Operation =>
  ({ op: 'writeCgroup', field, path: `${directory.path}/${file}`, value, optional: optional ? 1 : 0 })

function homeOf(layout: CgroupLayout, { version, controller, field, lacking }: PlacedLimit): CgroupDirectory {
  const every = version === 2 && controller === 'cgroup'
  const directory = layout.directories.find(one =>
    one.version === version && (every || one.controllers.includes(controller)))
  if (directory !== undefined) return directory
  throw new NruncError('ERR_CGROUP', lacking, { field, operand: controller })
}

/**
 * As in runc, the rules of a rootless container are not enforced: user namespaces have no devices to open anyway. With
 * systemd the program is attached by nrunc too: the cgroup is delegated, and systemd leaves programs of others alone.
 */
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
