/** nrunc itself, security modules, and programs that it can use. Pure. */
import { dirname } from 'node:path'
import { area, type Check, type Look } from './check.ts'

export function nruncChecks({ addon, node, root, exists, writable }: Look): Check[] {
  const { ok, missing } = area('nrunc')
  let existing = root
  while (!exists(existing) && existing !== '/') existing = dirname(existing)
  const advice = 'npm rebuild nrunc, with g++, make and python3 installed'
  return [
    ok('node', node),
    typeof addon === 'string' ? missing('addon', addon, { needed: true, advice }) : ok('addon', 'loaded', { needed: true }),
    writable(existing) ? ok('state root', root, { needed: true })
      : missing('state root', `${root} cannot be written`, { needed: true, advice: 'set XDG_RUNTIME_DIR, or use --root DIR' }),
  ]
}

export function securityChecks({ read, exists }: Look): Check[] {
  const { ok, missing } = area('security')
  const modules = read('/sys/kernel/security/lsm')?.trim()
  const apparmor = read('/sys/module/apparmor/parameters/enabled')?.trim() === 'Y'
  const selinux = exists('/sys/fs/selinux/enforce')
  return [
    ...(modules === undefined ? [] : [ok('modules', modules.split(',').join(' '))]),
    apparmor ? ok('AppArmor', 'enabled') : missing('AppArmor', 'process.apparmorProfile cannot be used'),
    selinux ? ok('SELinux', read('/sys/fs/selinux/enforce')?.trim() === '1' ? 'enforcing' : 'permissive')
      : missing('SELinux', 'process.selinuxLabel and linux.mountLabel cannot be used'),
  ]
}

export function toolChecks({ criu }: Look): Check[] {
  const { ok, missing } = area('tools')
  const version = /Version:\s*(\S+)/.exec(criu ?? '')?.[1]
  if (criu === undefined) return [missing('criu', 'not found: checkpoint and restore cannot be used', { advice: 'install criu 4 or newer' })]
  return [version === undefined ? missing('criu', `does not run: ${criu.trim().split('\n')[0]}`) : ok('criu', version)]
}
