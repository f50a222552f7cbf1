/** User namespaces and subordinate ids. Pure. */
import { area, type Check, type Look } from './check.ts'

const { ok, limited, missing } = area('user')

export function userChecks(look: Look): Check[] {
  return [ok('caller', `${look.user} (uid ${look.uid})`), namespaceCheck(look), ...(look.uid === 0 ? [] : subordinateChecks(look))]
}

/** Settings that forbid user namespaces: file, forbidding value, what to change. */
const settings = [
  ['/proc/sys/user/max_user_namespaces', '0', 'sysctl user.max_user_namespaces=15000'],
  ['/proc/sys/kernel/unprivileged_userns_clone', '0', 'sysctl kernel.unprivileged_userns_clone=1'],
  ['/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1', 'sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with "userns,"'],
] as const

function namespaceCheck({ addon, uid, read }: Look): Check {
  const needed = uid !== 0
  const forbidding = settings.find(([path, value]) => read(path)?.trim() === value)
  const [path, value, change] = forbidding ?? []
  const setting = path === undefined ? '' : `${path.slice('/proc/sys/'.length).replaceAll('/', '.')}=${value}`
  const errno = typeof addon === 'string' ? 'not tried' : addon.userNamespace
  // Others than root are restricted by settings that the attempt does not show: what is missing are the capabilities.
  if (errno === '' && (uid === 0 || setting === '')) {
    return setting === '' ? ok('user namespaces', 'can be made', { needed })
      : limited('user namespaces', `only root can use them (${setting})`, { advice: change })
  }
  const detail = `cannot be made${errno === '' ? '' : ` (${errno})`}${setting === '' ? '' : `: ${setting}`}`
  return missing('user namespaces', detail, { needed, advice: change })
}

/** An ordinary user without them can map one id alone. */
function subordinateChecks({ read, find, user, uid }: Look): Check[] {
  const advice = `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}`
  const counts = ['/etc/subuid', '/etc/subgid'].map((path) => (read(path) ?? '').split('\n')
    .map((line) => line.split(':')).filter(([name]) => name === user || name === String(uid))
    .reduce((sum, [, , size]) => sum + Number(size ?? 0), 0))
  const helpers = ['newuidmap', 'newgidmap'].filter((name) => find(name) === undefined)
  return [
    counts.every((count) => count > 0) ? ok('subordinate ids', `${counts[0]} uids, ${counts[1]} gids`)
      : limited('subordinate ids', 'none: only one id can be mapped', { advice }),
    helpers.length === 0 ? ok('newuidmap', 'found, with newgidmap')
      : limited('newuidmap', `${helpers.join(' and ')} not found: only one id can be mapped`, { advice: 'install uidmap (shadow-utils)' }),
  ]
}
