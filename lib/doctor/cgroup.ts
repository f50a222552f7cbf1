/** Which cgroups the caller can use. Pure. */
import { baseDirectory } from '../cgroup/host.ts'
import { area, type Check, type Look } from './check.ts'

const { ok, limited, missing } = area('cgroup')

/** Controllers that limits of config.json need, as v2 names them. */
const wanted = ['cpu', 'memory', 'pids', 'cpuset', 'io', 'hugetlb']
const v1Names: Readonly<Record<string, string>> = { io: 'blkio' }

const dropIn = '/etc/systemd/system/user@.service.d/delegate.conf with "[Service]" and "Delegate=cpu cpuset io memory pids"'

export function cgroupChecks(look: Look): Check[] {
  const { cgroups, uid } = look
  const needed = uid === 0
  if (cgroups.mode === 'none') {
    const advice = 'mount cgroup2 on /sys/fs/cgroup, or use --cgroup-manager disabled'
    return [missing('version', 'no cgroup hierarchy is mounted', { needed, advice }), systemdCheck(look)]
  }
  return [
    ok('version', cgroups.mode === 'hybrid' ? 'hybrid: v1 with a cgroup2 beside it' : cgroups.mode),
    controllerCheck(look), accessCheck(look), systemdCheck(look),
  ]
}

function controllerCheck({ cgroups, uid }: Look): Check {
  const { unified, hierarchies } = cgroups
  const own = uid === 0 || cgroups.mode !== 'v2' ? unified?.controllers : unified?.delegated
  const found = wanted.filter((name) =>
    own?.includes(name) || hierarchies.some(({ controllers }) => controllers.includes(v1Names[name] ?? name)))
  const lacking = wanted.filter((name) => !found.includes(name) && name !== 'hugetlb')
  const detail = `${found.join(' ') || 'none'}${lacking.length === 0 ? '' : `; no limits of ${lacking.join(' ')}`}`
  if (lacking.length === 0) return ok('controllers', detail)
  return limited('controllers', detail, uid === 0 || cgroups.mode !== 'v2' ? {} : { advice: `make ${dropIn}; log in again` })
}

function accessCheck({ cgroups, uid, writable }: Look): Check {
  const { unified, hierarchies } = cgroups
  const version = cgroups.mode === 'v2' ? 2 : 1
  const all = version === 2 && unified !== undefined ? [unified] : hierarchies
  const places = all.map((one) => (uid === 0 ? one.mountpoint : baseDirectory(one, version)))
  const closed = all.filter((one, index) => (uid === 0 ? !writable(places[index]!) : !one.writable))
  if (closed.length === 0) return ok('access', `may make cgroups in ${places[0]}${places.length > 1 ? ' and beside it' : ''}`)
  const detail = `cannot make cgroups in ${baseDirectory(closed[0]!, version)}: no limits, unless systemd makes them`
  const advice = uid === 0 ? 'mount the hierarchies writable' : 'start it below systemd-run --user --scope -p Delegate=yes, or use --systemd-cgroup'
  return uid === 0 ? missing('access', detail, { needed: true, advice }) : limited('access', detail, { advice })
}

function systemdCheck({ systemd, cgroups, uid }: Look): Check {
  const manager = uid === 0 ? 'system' : 'user'
  if (systemd === undefined) return missing('systemd', '--systemd-cgroup cannot be used: systemd does not run here')
  if (cgroups.mode !== 'v2') return missing('systemd', '--systemd-cgroup cannot be used: it needs cgroup v2')
  if ('problem' in systemd) {
    const advice = uid === 0 ? undefined : 'install dbus-user-session; loginctl enable-linger; set XDG_RUNTIME_DIR'
    return missing('systemd', `--systemd-cgroup cannot be used: ${systemd.problem}`, { advice })
  }
  const number = Number.parseInt(systemd.version, 10)
  if (number < 244) return missing('systemd', `${systemd.version}: too old for --systemd-cgroup`, { advice: 'use systemd 244 or newer' })
  return ok('systemd', `${systemd.version}, the ${manager} manager answers`)
}
