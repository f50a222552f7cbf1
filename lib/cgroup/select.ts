/**
 * Which version of which controller the limits of a container go to. On a hybrid host that is decided controller by
 * controller: most are v1, some may live in the unified hierarchy.
 */
import type { Resources } from '../spec/schema.ts'
import type { CgroupHost } from './host.ts'
import type { HasFile, Limit } from './limit.ts'
import { v1Controllers } from './v1.ts'
import { v2Controllers } from './v2.ts'

/** A limit and the hierarchy that it is for. */
export interface PlacedLimit extends Limit {
  readonly version: 1 | 2
  readonly controller: string
}

const controllers = [
  { v1: 'cpuset', v2: 'cpuset' }, { v1: 'memory', v2: 'memory' }, { v1: 'cpu', v2: 'cpu' }, { v1: 'pids', v2: 'pids' },
  { v1: 'blkio', v2: 'io' }, { v1: 'hugetlb', v2: 'hugetlb' },
]

/**
 * All limits of RESOURCES but the device rules, in the order of their writes. A controller that the host does not have
 * is given to the version that the host mostly uses; {@link cgroupOperations} refuses its limits.
 *
 * @throws NruncError ERR_CONFIG_INVALID as {@link v1Controllers} and {@link v2Controllers}
 */
export function selectLimits(host: CgroupHost, resources: Resources, has: HasFile): PlacedLimit[] {
  return controllers.flatMap(({ v1, v2 }) => {
    const onV2 = host.mode === 'v2'
      || (!hasV1(host, v1) && host.unified !== undefined && host.unified.controllers.includes(v2))
    const [version, controller, table] = onV2 ? [2 as const, v2, v2Controllers] : [1 as const, v1, v1Controllers]
    return (table[controller]?.(resources, has) ?? []).map(limit => ({ ...limit, version, controller }))
  })
}

/** Where device rules are enforced: v1 where it has the controller, otherwise by a program on the cgroup2 directory. */
export const deviceVersion = (host: CgroupHost): 1 | 2 | undefined =>
  hasV1(host, 'devices') ? 1 : host.unified !== undefined ? 2 : undefined

const hasV1 = (host: CgroupHost, controller: string): boolean =>
  host.hierarchies.some(({ controllers: names }) => names.includes(controller))
