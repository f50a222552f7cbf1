/**
 * `mounts`. Source: runtime-spec config.md "Mounts", mount(2), mount_setattr(2).
 */
import { posix } from 'node:path'
import { cgroupMountOperations } from '../cgroup/mount.ts'
import { NruncError } from '../errors.ts'
import type { Mount, Spec } from '../spec/schema.ts'
import { pointer } from '../spec/pointer.ts'
import type { PlanContext } from './context.ts'
import type { MappedTrees } from './mapped-trees.ts'
import {
  attributes, clearedAttributes, freshFlags, mountOptionNames, MS, parseMountOptions, replacedAttributes,
} from './mount-flags.ts'
import type { NamespacePlan } from './namespaces.ts'
import { NO_SLOT, type Operation } from './operations.ts'

/** What a bind mount may replace inside /proc: files that a tool like lxcfs serves. */
const allowedInProc = new Set([
  'cpuinfo', 'diskstats', 'meminfo', 'stat', 'swaps', 'uptime', 'loadavg', 'slabinfo', 'net/dev',
  'sys/kernel/ns_last_pid', 'sys/crypto/fips_enabled',
])

export interface MountPlan {
  /** In the order of the config. */
  readonly mounts: Operation[]
  /** After the devices are made: read-only remounts of what had to be written to until then. */
  readonly finish: Operation[]
  /** Whether config.json brings a /dev of its own, whose nodes are then not ours to make. */
  readonly bindsDev: boolean
}

export function planMounts(spec: Spec, context: PlanContext, namespaces: NamespacePlan, trees: MappedTrees): MountPlan {
  const mounts = spec.mounts ?? []
  const plan: MountPlan = {
    mounts: [], finish: [],
    bindsDev: mounts.some((mount) => placeOf(mount) === '/dev' && isBind(mount)),
  }
  mounts.forEach((mount, index) => {
    const field = pointer('mounts', index)
    refuseInsideProc(mount, field)
    refuseData(mount, field)
    if (!isBind(mount) && (mount.type === 'cgroup' || mount.type === 'cgroup2')) {
      plan.mounts.push(...cgroupMountOperations(context.cgroupHost, context.cgroups, mount, index, {
        cgroupNamespace: namespaces.has('user') ? namespaces.isNew('cgroup') : namespaces.has('cgroup'),
      }))
    } else if (isBind(mount)) {
      plan.mounts.push(bindMount(mount, field, context.bundle, trees.slots.get(index) ?? NO_SLOT))
    } else if (hasOption(mount, 'bind', 'rbind')) {
      plan.mounts.push(remountBind(mount, field))
    } else {
      addMount(plan, mount, field, spec, mounts.slice(index + 1))
    }
  })
  return plan
}

const hasOption = ({ options = [] }: Mount, ...names: readonly string[]): boolean =>
  options.some((option) => names.includes(option))

/** With `remount` it is the mount at the destination that changes, and nothing is bound. */
const isBind = (mount: Mount): boolean => hasOption(mount, 'bind', 'rbind') && !hasOption(mount, 'remount')

/** A relative destination is relative to the root. */
const placeOf = (mount: Mount): string => posix.resolve('/', mount.destination)

/** Only the proc file system itself belongs on /proc, and little inside it (CVE-2019-16884). */
function refuseInsideProc(mount: Mount, field: string): void {
  const place = placeOf(mount)
  if (place !== '/proc' && (!place.startsWith('/proc/') || allowedInProc.has(place.slice('/proc/'.length)))) return
  if (place === '/proc' && isProc(mount)) return
  const reason = place === '/proc' ? 'it is not of type proc' : 'it is inside /proc'
  const message = `${JSON.stringify(mount.destination)} cannot be mounted because ${reason} (field ${field})`
  throw new NruncError('ERR_CONFIG_INVALID', message, { field: `${field}/destination`, operand: mount.destination })
}

function isProc(mount: Mount): boolean {
  if (isBind(mount)) return posix.resolve('/', mount.source ?? '') === '/proc'
  return mount.type === 'proc' || hasOption(mount, 'remount')
}

/** They would be those of the whole file system, on the host too. */
function refuseData({ options = [] }: Mount, field: string): void {
  if (!options.includes('bind') && !options.includes('rbind')) return
  const index = options.findIndex((option) => !mountOptionNames.includes(option))
  if (index < 0) return
  const operand = options[index] ?? ''
  const reason = `bind mounts cannot have any filesystem-specific options applied: ${JSON.stringify(operand)}`
  throw new NruncError('ERR_CONFIG_INVALID', `${reason} (field ${field})`, { field: `${field}/options/${index}`, operand })
}

/** For init, which sees where the links of the image lead: any other destination must not turn out to be inside /proc. */
const allowProc = (mount: Mount): number => (/^\/proc(\/|$)/.test(placeOf(mount)) ? 1 : 0)

function bindMount(mount: Mount, field: string, bundle: string, tree: number): Operation {
  const options = parseMountOptions(mount.options ?? [])
  return {
    op: 'bindMount', field, destination: mount.destination,
    source: posix.resolve(bundle, mount.source ?? ''), tree,
    recursive: options.set & MS.REC ? 1 : 0, set: attributes(options.set), clear: clearedAttributes(options),
    recursiveSet: options.recursiveSet, recursiveClear: options.recursiveClear, propagation: options.propagation,
    allowProc: allowProc(mount),
  }
}

function remountBind({ destination, options: words = [] }: Mount, field: string): Operation {
  const options = parseMountOptions(words)
  return {
    op: 'remountBind', field, destination, set: attributes(options.set), clear: replacedAttributes(options),
    mustClear: clearedAttributes(options), recursiveSet: options.recursiveSet, recursiveClear: options.recursiveClear,
    propagation: options.propagation,
  }
}

function addMount(plan: MountPlan, mount: Mount, field: string, spec: Spec, following: readonly Mount[]): void {
  const options = parseMountOptions(mount.options ?? [])
  const { destination, type = 'none' } = mount
  const flags = freshFlags(options)
  const label = spec.linux?.mountLabel ?? ''
  const data = withLabel(options.data, type, label)
  const later = (flags & MS.RDONLY) !== 0 && (options.copyUp || isFilledLater(mount, spec, following))
  plan.mounts.push({
    op: 'mount', field, destination, source: mount.source ?? type, type, data,
    flags: later ? flags & ~MS.RDONLY : flags, propagation: options.propagation,
    ordinaryDirectory: type === 'proc' || type === 'sysfs' ? 1 : 0, allowProc: allowProc(mount),
    copyUp: options.copyUp ? 1 : 0,
  })
  // Every mqueue of an ipc namespace is the same file system, which is there already: it takes no context any more.
  if (type === 'mqueue' && label !== '') plan.mounts.push({ op: 'labelDirectory', field: '/linux/mountLabel', path: destination, label })
  if (later) plan.finish.push({ op: 'remount', field, destination, flags, data: options.data })
}

/** Nodes of /dev, mount points and the working directory are still to be made in it: it can be read-only only then. */
function isFilledLater(mount: Mount, spec: Spec, following: readonly Mount[]): boolean {
  const place = placeOf(mount)
  if (place === '/dev') return true
  if (mount.type !== 'tmpfs') return false
  const devices = (spec.linux?.devices ?? []).map(({ path }) => path)
  const made = [...following.map(placeOf), spec.process?.cwd ?? '', ...devices]
  return made.some((path) => posix.resolve('/', path).startsWith(`${place}/`))
}

/** The kernel's own file systems have labels of their own. selinux(8), `context`. */
function withLabel(data: string, type: string, label: string): string {
  if (label === '' || type === 'proc' || type === 'sysfs' || type === 'mqueue') return data
  return `${data === '' ? '' : `${data},`}context="${label}"`
}
