/**
 * `mounts`. Source: runtime-spec config.md "Mounts", mount(2), mount_setattr(2).
 */
import { posix } from 'node:path'
import { cgroupMountOperations } from '../cgroup/mount.ts'
import { NruncError } from '../errors.ts'
import type { Mount } from '../spec/schema.ts'
import { pointer } from '../spec/pointer.ts'
import type { PlanContext } from './context.ts'
import { attributes, clearedAttributes, freshFlags, MS, parseMountOptions, propagationOf } from './mount-flags.ts'
import type { NamespacePlan } from './namespaces.ts'
import type { Operation } from './operations.ts'

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

export function planMounts(mounts: readonly Mount[], context: PlanContext, namespaces: NamespacePlan): MountPlan {
  const plan: MountPlan = {
    mounts: [], finish: [],
    bindsDev: mounts.some((mount) => placeOf(mount) === '/dev' && isBind(mount)),
  }
  mounts.forEach((mount, index) => {
    const field = pointer('mounts', index)
    refuseInsideProc(mount, field)
    if (!isBind(mount) && (mount.type === 'cgroup' || mount.type === 'cgroup2')) {
      plan.mounts.push(...cgroupMountOperations(context.cgroupHost, context.cgroups, mount, index, {
        cgroupNamespace: namespaces.has('user') ? namespaces.isNew('cgroup') : namespaces.has('cgroup'),
      }))
    } else if (isBind(mount)) {
      plan.mounts.push(bindMount(mount, field, context.bundle))
    } else {
      addMount(plan, mount, field)
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

/** For init, which sees where the links of the image lead: any other destination must not turn out to be inside /proc. */
const allowProc = (mount: Mount): number => (/^\/proc(\/|$)/.test(placeOf(mount)) ? 1 : 0)

function bindMount(mount: Mount, field: string, bundle: string): Operation {
  const options = parseMountOptions(mount.options ?? [])
  return {
    op: 'bindMount', field, destination: mount.destination,
    source: posix.resolve(bundle, mount.source ?? ''),
    recursive: options.set & MS.REC ? 1 : 0, set: attributes(options.set), clear: clearedAttributes(options),
    recursiveSet: options.recursiveSet, recursiveClear: options.recursiveClear, propagation: propagationOf(options),
    allowProc: allowProc(mount),
  }
}

function addMount(plan: MountPlan, mount: Mount, field: string): void {
  const options = parseMountOptions(mount.options ?? [])
  const { destination, type = 'none' } = mount
  const flags = freshFlags(options)
  // The nodes of /dev are still to be made.
  const later = placeOf(mount) === '/dev' && (flags & MS.RDONLY) !== 0
  plan.mounts.push({
    op: 'mount', field, destination, source: mount.source ?? type, type, data: options.data,
    flags: later ? flags & ~MS.RDONLY : flags, propagation: propagationOf(options),
    ordinaryDirectory: type === 'proc' || type === 'sysfs' ? 1 : 0, allowProc: allowProc(mount),
  })
  if (later) plan.finish.push({ op: 'remount', field, destination, flags, data: options.data })
}
