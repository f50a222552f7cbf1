/**
 * /dev where config.json brings one of its own, and its parts: devpts, ptmx, the console. Source: runtime-spec
 * config-linux.md "Default Devices", "/dev symbolic links", devpts(5).
 */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith(container, '/dev', () => {
  const sandbox = useSandbox()
  const shell = async (script: string, change: (spec: TestSpec) => void) => {
    const { stdout, stderr } = await sandbox.output(['sh', '-c', script], change)
    expect(stderr).toBe('')
    return stdout
  }
  const withoutDev = ({ mounts }: TestSpec): void => void mounts.splice(0, mounts.length,
    ...mounts.filter(({ destination }) => !destination.startsWith('/dev')))

  test('that is bound is left as it is: nothing is made in it', async () => {
    const own = mkdtempSync(join(sandbox.directory, 'dev-'))
    writeFileSync(join(own, 'null'), '')
    const names = await shell('ls -A /dev', (spec) => {
      withoutDev(spec)
      spec.mounts.push({ destination: '/dev', source: own, options: ['rbind'] })
    })
    expect([names, readdirSync(own)]).toEqual(['null\n', ['null']])
    expect(lstatSync(join(own, 'null')).isFile()).toBe(true)
  })

  test('of the host: its nodes are the container\'s, as far as the rules for devices let it', async () => {
    expect(await shell('echo lost > /dev/null; head -c 3 /dev/zero | wc -c; [ -c /dev/full ] && echo there', (spec) => {
      withoutDev(spec)
      spec.mounts.push({ destination: '/dev', source: '/dev', options: ['rbind', 'rslave'] })
    })).toBe('3\nthere\n')
  })

  test('without a mount of its own is a directory of the root file system, and filled there', async () => {
    const rootfs = sandbox.rootfs()
    const seen = await shell('cd /dev; stat -c %t:%T null; readlink fd; readlink ptmx; ls -A', (spec) => {
      withoutDev(spec)
      spec.root.path = rootfs
    })
    expect(seen.split('\n').slice(0, 3)).toEqual(['1:3', '/proc/self/fd', 'pts/ptmx'])
    expect(readdirSync(join(rootfs, 'dev')).sort()).toEqual([
      'fd', 'full', 'null', 'ptmx', 'random', 'stderr', 'stdin', 'stdout', 'tty', 'urandom', 'zero',
    ])
  })

  test('what the image has in the place of ptmx is replaced, of another device is refused', async () => {
    const [rootfs, other] = [sandbox.rootfs(), sandbox.rootfs()]
    symlinkSync('/etc/passwd', join(rootfs, 'dev/ptmx'))
    writeFileSync(join(other, 'dev/zero'), '')
    const on = (path: string) => (spec: TestSpec): void => {
      withoutDev(spec)
      spec.root.path = path
    }
    expect(await shell('readlink /dev/ptmx', on(rootfs))).toBe('pts/ptmx\n')
    const error = await rejection(sandbox.create(['true'], on(other)))
    expect([error.code, error.step, error.errno, error.operand]).toEqual(['ERR_INIT', 'makeDevice', 'EEXIST',
      '/dev/zero'])
    // linux.devices may be anywhere; what is there already must be the same device.
    for (const device of [{ type: 'c', major: 1, minor: 3 }, { type: 'p' }] as const) {
      const named = await rejection(sandbox.create(['true'], (spec) => {
        spec.root = { path: rootfs, readonly: false }
        spec.linux.devices = [{ ...device, path: '/etc/passwd' }]
      }))
      expect([named.field, named.errno, named.operand]).toEqual(['/linux/devices/0', 'EEXIST', '/etc/passwd'])
    }
  })

  test('every devpts is an instance of its own, whatever its options say', async () => {
    const script = 'ls /dev/pts; stat -c "%a" /dev/pts/ptmx; exec 3<>/dev/ptmx && ls /dev/pts | wc -l; cat /proc/self/mountinfo | grep -c " - devpts "'
    const options = (words: string[]) => ({ mounts }: TestSpec): void => {
      mounts.find(({ destination }) => destination === '/dev/pts')!.options = ['nosuid', 'noexec', ...words]
    }
    expect(await shell(script, options(['newinstance', 'ptmxmode=0666', 'mode=0620',
      'gid=5']))).toBe('ptmx\n666\n2\n1\n')
    expect(await shell(script, options(['ptmxmode=0600']))).toBe('ptmx\n600\n2\n1\n')
  })

  test('a terminal without a devpts is an error, and nothing is left', async () => {
    const error = await rejection(sandbox.create(['true'], (spec) => {
      withoutDev(spec)
      spec.root.path = sandbox.rootfs()
      spec.process.terminal = true
    }))
    expect([error.code, error.step, error.field]).toEqual(['ERR_INIT', 'console', '/process/terminal'])
  })

  test('a destination that goes through a link of the image to /dev', async () => {
    const rootfs = sandbox.rootfs()
    mkdirSync(join(rootfs, 'a'))
    symlinkSync('../dev', join(rootfs, 'a/devices'))
    expect(await shell('cat /dev/inside/file', (spec) => {
      spec.root.path = rootfs
      spec.mounts.push({ destination: '/a/devices/inside', source: sandbox.directory, options: ['bind', 'ro'] })
      writeFileSync(join(sandbox.directory, 'file'), 'content\n')
    })).toBe('content\n')
  })
})
