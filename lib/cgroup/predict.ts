/**
 * Where the cgroups of a container would be. Pure: systemd is not asked, its managers are taken to be where they always are.
 */
import type { CgroupManager } from './driver.ts'
import type { CgroupHost } from './host.ts'
import { type CgroupLayout, type CgroupRequest, layoutCgroup, layoutNothing } from './layout.ts'
import { layoutScope } from './systemd/layout.ts'

/** @throws NruncError as {@link layoutCgroup} and {@link layoutScope} */
export function predictLayout(manager: CgroupManager, host: CgroupHost, request: CgroupRequest, uid: number): CgroupLayout {
  const { rootless } = request
  if (manager === 'disabled') return layoutNothing(rootless)
  if (manager === 'cgroupfs') return layoutCgroup(host, request)
  return layoutScope(host, rootless ? {
    ...request, manager: 'user', controlGroup: `/user.slice/user-${uid}.slice/user@${uid}.service`,
    controllers: host.unified?.delegated ?? [],
  } : { ...request, manager: 'system', controlGroup: '', controllers: host.unified?.controllers ?? [] })
}
