/**
 * Root file systems for containers, from one static busybox.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const candidates = ['/bin/busybox', '/usr/bin/busybox', '/sbin/busybox']

const passwd = ['root:x:0:0:root:/root:/bin/sh', 'user:x:1000:1000:user:/home/user:/bin/sh']

/**
 * Make a root file system in DIRECTORY, with an applet for every command of busybox.
 *
 * @returns why it cannot be made, where it cannot
 */
export function makeRootfs(directory: string): string | undefined {
  const busybox = candidates.find((path) => existsSync(path))
  if (busybox === undefined) return 'no busybox (Debian: busybox-static)'
  for (const name of ['bin', 'dev', 'etc', 'home/user', 'proc', 'root', 'sys', 'tmp', 'var']) {
    mkdirSync(join(directory, name), { recursive: true })
  }
  copyFileSync(busybox, join(directory, 'bin/busybox'))
  chmodSync(join(directory, 'bin/busybox'), 0o755)
  // In itself as its root it only runs when it is static; who may not change the root has to believe it.
  const [program, ...words] = process.geteuid?.() === 0 ? ['chroot', directory, '/bin/busybox'] : [busybox]
  const { status, stdout } = spawnSync(program!, [...words, '--list'], { encoding: 'utf8' })
  if (status !== 0) return `${busybox} is not static (Debian: busybox-static)`
  for (const applet of stdout.split('\n')) {
    if (applet !== '' && applet !== 'busybox') symlinkSync('busybox', join(directory, 'bin', applet))
  }
  writeFileSync(join(directory, 'etc/passwd'), `${passwd.join('\n')}\n`)
  writeFileSync(join(directory, 'etc/group'), 'root:x:0:\nuser:x:1000:\n')
  return undefined
}
