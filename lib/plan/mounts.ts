/**
 * `mounts`. Source: runtime-spec config.md "Mounts", mount(2), mount_setattr(2).
 */
import { posix } from 'node:path'
import { NruncError } from '../errors.ts'
import type { Mount, Spec } from '../spec/schema.ts'
import { pointer } from '../spec/pointer.ts'
import { isCgroupMount, planCgroupMount } from './cgroup-mount.ts'
import type { PlanContext } from './context.ts'
import { type InMount, KeptMounts } from './kept-mounts.ts'
import {
  attributes, clearedAttributes, freshFlags, hasOption, isBind, mountOptionNames, MS, parseMountOptions, placeOf, replacedAttributes,
} from './mount-flags.ts'
import type { NamespacePlan } from './namespaces.ts'
import { NO_SLOT, type Operation } from './operations.ts'
import { planPaths } from './rootfs.ts'
import type { Trees } from './trees.ts'

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
  /** Masked and read-only paths, before the pivot. */
  readonly paths: Operation[]
}

/** Whether config.json brings a /dev of its own, whose nodes are then not ours to make. */
export const bindsDev = ({ mounts = [] }: Spec): boolean => mounts.some((mount) => placeOf(mount) === '/dev' && isBind(mount))

/** FIRSTSLOT: from there on slots are free. */
export function planMounts(spec: Spec, context: PlanContext, namespaces: NamespacePlan, trees: Trees, firstSlot: number): MountPlan {
  const mounts = spec.mounts ?? []
  const kept = new KeptMounts(mounts, firstSlot)
  const finish: Operation[] = []
  const made = mounts.map((mount, index): Operation[] => {
    const field = pointer('mounts', index)
    refuseInsideProc(mount, field)
    refuseData(mount, field)
    const tree = trees.slots.get(index)
    if (isCgroupMount(mount)) return withTrees(planCgroupMount(mount, index, context, namespaces, () => kept.keep(index)), tree)
    if (isBind(mount)) return withTrees([bindMount(mount, field, context.bundle)], tree)
    if (hasOption(mount, 'bind', 'rbind')) return [remountBind(mount, field, kept.findRemounted(index))]
    const later = spec.mounts!.slice(index + 1)
    return mountFilesystem(mount, field, spec, later, hasOption(mount, 'remount') ? kept.findRemounted(index) : undefined, (flags, data) => {
      finish.push({ op: 'remount', field, destination: mount.destination, flags, data, mount: kept.keep(index), inside: '' })
    })
  })
  const paths = planPaths(spec, kept)
  return { mounts: made.flatMap((operations, index) => kept.withKeeping(index, operations)), finish, paths }
}

/** The bind mounts among OPERATIONS get what is in the slots from FIRST on. */
function withTrees(operations: Operation[], first: number | undefined): Operation[] {
  if (first === undefined) return operations
  let slot = first
  return operations.map((one) => (one.op === 'bindMount' ? { ...one, tree: slot++ } : one))
}

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

function bindMount(mount: Mount, field: string, bundle: string): Operation {
  const options = parseMountOptions(mount.options ?? [])
  return {
    op: 'bindMount', field, destination: mount.destination,
    source: posix.resolve(bundle, mount.source ?? ''), tree: NO_SLOT,
    recursive: options.set & MS.REC ? 1 : 0, set: attributes(options.set), clear: clearedAttributes(options),
    recursiveSet: options.recursiveSet, recursiveClear: options.recursiveClear, propagation: options.propagation,
    allowProc: allowProc(mount),
  }
}

function remountBind({ destination, options: words = [] }: Mount, field: string, found: InMount): Operation {
  const options = parseMountOptions(words)
  return {
    op: 'remountBind', field, destination, ...found, set: attributes(options.set), clear: replacedAttributes(options),
    mustClear: clearedAttributes(options), recursiveSet: options.recursiveSet, recursiveClear: options.recursiveClear,
    propagation: options.propagation,
  }
}

/** REMOUNTED: the mount that changes, where it is a remount. READONLY is told what is to be done when all is made. */
function mountFilesystem(
  mount: Mount, field: string, spec: Spec, following: readonly Mount[], remounted: InMount | undefined, readonly: (flags: number, data: string) => void,
): Operation[] {
  const options = parseMountOptions(mount.options ?? [])
  const { destination, type = 'none' } = mount
  const flags = freshFlags(options)
  const label = spec.linux?.mountLabel ?? ''
  const data = withLabel(options.data, type, label)
  if (remounted !== undefined && remounted.mount !== NO_SLOT && options.propagation.length === 0 && !options.copyUp) {
    return [{ op: 'remount', field, destination, flags, data, ...remounted }]
  }
  const later = (flags & MS.RDONLY) !== 0 && (options.copyUp || isFilledLater(mount, spec, following))
  if (later) readonly(flags, options.data)
  return [{
    op: 'mount', field, destination, source: mount.source ?? type, type, data,
    flags: later ? flags & ~MS.RDONLY : flags, propagation: options.propagation,
    ordinaryDirectory: type === 'proc' || type === 'sysfs' ? 1 : 0, allowProc: allowProc(mount),
    copyUp: options.copyUp ? 1 : 0,
  },
  // Every mqueue of an ipc namespace is the same file system, which is there already: it takes no context any more.
  ...(type === 'mqueue' && label !== '' ? [{ op: 'labelDirectory', field: '/linux/mountLabel', path: destination, label } as const] : [])]
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
