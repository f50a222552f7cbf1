/**
 * The `cgroup` mounts of a plan; `lib/cgroup/mount.ts` has what they are.
 */
import { cgroupMountOperations } from '../cgroup/mount.ts'
import type { Mount } from '../spec/schema.ts'
import type { PlanContext } from './context.ts'
import { isBind } from './mount-flags.ts'
import type { NamespacePlan } from './namespaces.ts'
import type { Operation } from './operations.ts'

export const isCgroupMount = (mount: Mount): boolean => !isBind(mount) && (mount.type === 'cgroup' || mount.type === 'cgroup2')

/** KEEP: slot of the first mount, for what is still to be done to it. */
export const planCgroupMount = (
  mount: Mount, index: number, context: PlanContext, namespaces: NamespacePlan, keep?: () => number,
): Operation[] => cgroupMountOperations(context.cgroupHost, context.cgroups, mount, index, {
  cgroupNamespace: namespaces.has('user') ? namespaces.isNew('cgroup') : namespaces.has('cgroup'),
}, keep)
