/**
 * Which version of which controller the limits of a container go to. On a hybrid host that is decided controller by
 * controller: most are v1, some may live in the unified hierarchy.
 */
import type { Resources } from '../spec/schema.ts'
import type { CgroupHost } from './host.ts'
import { type HasFile, invalid, type Limit } from './limit.ts'
import { v1Controllers } from './v1.ts'
import { unifiedLimits, v2Controllers } from './v2.ts'

/** A limit and the hierarchy that it is for. */
export interface PlacedLimit extends Limit {
  readonly version: 1 | 2
  readonly controller: string
  /** What to say where the container has no cgroup with that controller. */
  readonly lacking: string
}

/** In the order of their writes. v2 has nothing for network packets. */
const controllers: readonly { readonly v1: string, readonly v2?: string }[] = [
  { v1: 'cpuset', v2: 'cpuset' }, { v1: 'memory', v2: 'memory' }, { v1: 'cpu', v2: 'cpu' }, { v1: 'pids', v2: 'pids' },
  { v1: 'blkio', v2: 'io' }, { v1: 'hugetlb', v2: 'hugetlb' }, { v1: 'rdma', v2: 'rdma' }, { v1: 'net_cls' },
  { v1: 'net_prio' },
]

/**
 * All limits of RESOURCES but the device rules, in the order of their writes. A controller that the host does not have
 * is given to the version that the host mostly uses; {@link cgroupOperations} refuses its limits.
 *
 * @throws NruncError ERR_CONFIG_INVALID as {@link v1Controllers} and {@link v2Controllers}, and for `unified` where
 * the host has v1 hierarchies
 */
export function selectLimits(host: CgroupHost, resources: Resources, has: HasFile): PlacedLimit[] {
  const placed = controllers.flatMap(({ v1, v2 }) => {
    const onV2 = v2 !== undefined && (host.mode === 'v2'
      || (!hasV1(host, v1) && host.unified !== undefined && host.unified.controllers.includes(v2)))
    const [version, controller, table] = onV2 ? [2 as const, v2, v2Controllers] : [1 as const, v1, v1Controllers]
    const lacking = `cannot set ${controller} limit: container could not join or create cgroup`
    return (table[controller]?.(resources, has) ?? []).map(limit => ({ ...limit, version, controller, lacking }))
  })
  return [...placed, ...selectUnified(host, resources)]
}

/** As in runc, `unified` belongs to v2, and a hybrid host is not one. */
function selectUnified(host: CgroupHost, { unified }: Resources): PlacedLimit[] {
  const limits = unifiedLimits(unified)
  if (limits.length > 0 && host.mode !== 'v2' && host.mode !== 'none') {
    throw invalid('/linux/resources/unified', 'invalid configuration: cannot use unified on cgroup v1')
  }
  return limits.map((limit) => {
    const [controller = '', parameter] = limit.file.split('.', 2)
    const name = `unified resource ${JSON.stringify(limit.file)}`
    if (parameter === undefined) throw invalid(limit.field, `${name} must be in the form CONTROLLER.PARAMETER`)
    const lacking = `${name} can't be set: controller ${JSON.stringify(controller)} not available`
    return { ...limit, version: 2, controller, lacking }
  })
}

/** cgroups(7), "Thread mode": the other controllers take the processes of a cgroup as a whole. */
const threaded = new Set(['cpu', 'cpuset', 'pids', 'perf_event', 'cgroup'])

/** Whether LIMITS need a cgroup2 that is a domain and not a part of a threaded one. */
export const needsDomain = (limits: readonly PlacedLimit[]): boolean =>
  limits.some(({ version, controller }) => version === 2 && !threaded.has(controller))

/** Where device rules are enforced: v1 where it has the controller, otherwise by a program on the cgroup2 directory. */
export const deviceVersion = (host: CgroupHost): 1 | 2 | undefined =>
  hasV1(host, 'devices') ? 1 : host.unified !== undefined ? 2 : undefined

const hasV1 = (host: CgroupHost, controller: string): boolean =>
  host.hierarchies.some(({ controllers: names }) => names.includes(controller))
