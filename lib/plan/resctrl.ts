/** The group of `linux.intelRdt`: made and set by the host, entered by init through open files. */
import type { ResctrlGroup } from '../resctrl/group.ts'
import type { Operation } from './operations.ts'

const O_WRONLY = 1
const closId = '/linux/intelRdt'

export interface ResctrlPlan {
  /** Before the clone: what makes the group, and what opens its files. */
  readonly prepare: Operation[]
  readonly join: Operation[]
}

export function planResctrl(group: ResctrlGroup | undefined, firstSlot: number): ResctrlPlan {
  if (group === undefined) return { prepare: [], join: [] }
  const { path, monitor, schemata, field, status } = group
  const { prepare, join } = enterResctrl([path, ...monitor === undefined ? [] : [monitor]], firstSlot, closId)
  return {
    prepare: [
      { op: 'prepareResctrl', field, path, schemata, status },
      ...(monitor === undefined ? [] : [{ op: 'prepareResctrl', field: `${closId}/enableMonitoring`, path: monitor, schemata: '', status } as const]),
      ...prepare,
    ],
    join,
  }
}

/** A process that enters existing groups, the outer one first. */
export function enterResctrl(groups: readonly string[], firstSlot: number, field: string): ResctrlPlan {
  const files = groups.map((group) => `${group}/tasks`)
  return {
    prepare: files.map((path): Operation => ({ op: 'openDescriptor', field, path, flags: O_WRONLY, type: 0 })),
    join: files.map((path, at): Operation => ({ op: 'joinCgroup', field, descriptor: firstSlot + at, path })),
  }
}
