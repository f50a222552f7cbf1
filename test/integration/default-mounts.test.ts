/**
 * The mounts, devices, links and hidden paths of the default spec, seen from inside a container. Source: runtime-spec
 * config.md "Mounts", config-linux.md "Default Filesystems", "Default Devices", "Masked Paths", "Readonly Paths".
 */
import { basename } from 'node:path'
import { expect, test } from 'vitest'
import { defaultSpec } from '../../lib/index.ts'
import { cgroupMounts } from '../helpers/cgroup.ts'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { type MountLine, parseMountTable } from '../helpers/mountinfo.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { errnoOf } from '../helpers/probe.ts'

const masked = defaultSpec().linux?.maskedPaths ?? []
const readonly = defaultSpec().linux?.readonlyPaths ?? []
const hardened = ['nosuid', 'nodev', 'noexec']

describeWith([...container, 'compiler'], 'the mounts of the default spec', () => {
  const sandbox = useSandbox()
  const table = async (change?: (spec: TestSpec) => void) =>
    parseMountTable((await sandbox.output(['cat', '/proc/self/mountinfo'], change)).stdout)
  const shell = async (script: string, change?: (spec: TestSpec) => void) => {
    const { stdout, stderr } = await sandbox.output(['sh', '-c', script], change)
    expect(stderr).toBe('')
    return stdout
  }
  const one = (mounts: readonly MountLine[], path: string): MountLine => {
    const found = mounts.filter((mount) => mount.path === path)
    expect(found, `mounts on ${path}`).toHaveLength(1)
    return found[0]!
  }

  test('each one once, of its type and with its flags', async () => {
    const mounts = await table()
    const flags = (path: string) => [
      one(mounts, path).type,
      one(mounts, path).source,
      ...[...one(mounts, path).options].sort(),
    ]
    expect(flags('/proc')).toEqual(['proc', 'proc', 'relatime', 'rw'])
    expect(flags('/dev')).toEqual(['tmpfs', 'tmpfs', 'nosuid', 'rw'])
    expect(flags('/dev/pts')).toEqual(['devpts', 'devpts', 'noexec', 'nosuid', 'relatime', 'rw'])
    expect(flags('/dev/shm')).toEqual(['tmpfs', 'shm', 'nodev', 'noexec', 'nosuid', 'relatime', 'rw'])
    expect(flags('/dev/mqueue')).toEqual(['mqueue', 'mqueue', 'nodev', 'noexec', 'nosuid', 'relatime', 'rw'])
    expect(flags('/sys')).toEqual(['sysfs', 'sysfs', 'nodev', 'noexec', 'nosuid', 'relatime', 'ro'])
  })

  test('with the options of the file systems', async () => {
    const mounts = await table()
    expect(one(mounts, '/dev').data).toEqual(expect.arrayContaining(['size=65536k', 'mode=755']))
    expect(one(mounts, '/dev/pts').data).toEqual(expect.arrayContaining(['gid=5', 'mode=620', 'ptmxmode=666']))
    expect(one(mounts, '/dev/shm').data).toContain('size=65536k')
    expect(await shell('stat -c %a /dev /dev/shm')).toBe('755\n1777\n')
  })

  test('a read-only root, of which nothing propagates to the host', async () => {
    const mounts = await table()
    expect(one(mounts, '/').options).toContain('ro')
    expect(mounts.filter(({ propagation }) => propagation.some((word) => word.startsWith('shared')))).toEqual([])
  })

  test('no mount but those of the spec, and none of the host', async () => {
    const mounts = await table()
    const expected = ['/', '/proc', '/dev', '/dev/pts', '/dev/shm', '/dev/mqueue', '/sys', '/sys/fs/cgroup']
    const others = mounts.filter(
      ({ path }) =>
        !expected.includes(path) &&
        !masked.includes(path) &&
        !readonly.includes(path) &&
        !path.startsWith('/sys/fs/cgroup/'),
    )
    expect(others).toEqual([])
  })

  test('the container\'s own cgroups, read-only', async () => {
    const mounts = await table()
    const version1 = cgroupMounts().filter(({ version }) => version === 1)
    const found = mounts.filter(({ type }) => type.startsWith('cgroup'))
    if (version1.length === 0) expect(found.map(({ path }) => path)).toEqual(['/sys/fs/cgroup'])
    else
      expect(found.map(({ path }) => basename(path)).sort()).toEqual(version1.map(({ path }) => basename(path)).sort())
    for (const mount of mounts.filter(({ path }) => path.startsWith('/sys/fs/cgroup'))) {
      expect(mount.options, mount.path).toEqual(expect.arrayContaining(['ro', ...hardened]))
    }
    for (const { root, path } of found) expect(root, path).toMatch(/\/nrunc-test\/t[0-9a-f]+-\d+$/)
    expect(await shell('mkdir /sys/fs/cgroup/new 2>/dev/null || echo refused')).toBe('refused\n')
  })

  test('the default devices, by number and mode', async () => {
    const lines = (await shell('cd /dev; stat -c "%n %F %t:%T %a %u:%g" null zero full random urandom tty'))
      .trim()
      .split('\n')
    expect(lines).toEqual([
      'null character special file 1:3 666 0:0', 'zero character special file 1:5 666 0:0',
      'full character special file 1:7 666 0:0', 'random character special file 1:8 666 0:0',
      'urandom character special file 1:9 666 0:0', 'tty character special file 5:0 666 0:0',
    ])
  })

  test('the default links, and nothing else in /dev', async () => {
    const links = await shell('cd /dev; for name in fd stdin stdout stderr ptmx; do echo $name $(readlink $name); done')
    expect(links).toBe(
      'fd /proc/self/fd\nstdin /proc/self/fd/0\nstdout /proc/self/fd/1\nstderr /proc/self/fd/2\nptmx pts/ptmx\n',
    )
    expect((await shell('ls -A /dev')).trim().split('\n')).toEqual([
      'fd',
      'full',
      'mqueue',
      'null',
      'ptmx',
      'pts',
      'random',
      'shm',
      'stderr',
      'stdin',
      'stdout',
      'tty',
      'urandom',
      'zero',
    ])
  })

  test('devices do what they do', async () => {
    const script =
      'echo lost > /dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; cat /dev/null | wc -c'
    expect(await shell(script)).toBe('3\n3\n0\n')
  })

  test('linux.devices: made with their number, mode and owner', async () => {
    const stat = await shell('stat -c "%F %t:%T %a %u:%g" /dev/own /dev/pipe', ({ linux }) => {
      linux.devices = [
        { path: '/dev/own', type: 'c', major: 1, minor: 3, fileMode: 0o640, uid: 7, gid: 8 },
        { path: '/dev/pipe', type: 'p', fileMode: 0o600 },
      ]
    })
    expect(stat).toBe('character special file 1:3 640 7:8\nfifo 0:0 600 0:0\n')
  })

  test('masked paths: nothing to read, nowhere to write', async () => {
    // Which of them exist depends on the kernel: compare with a container that masks nothing.
    const kind = '[ ! -d $path ] && echo file $path || echo directory $path'
    const list = `for path in ${masked.join(' ')}; do if [ -e $path ]; then ${kind}; fi; done`
    const present = (await shell(list, ({ linux }) => { linux.maskedPaths = [] })).trim().split('\n')
    expect(present).not.toEqual([''])
    for (const line of present) {
      const [type, path = ''] = line.split(' ')
      const content = type === 'directory' ? await shell(`ls -A ${path}`) : await shell(`head -c 1 ${path}`)
      expect(content, path).toBe('')
      if (type === 'directory')
        expect(await shell(`mkdir ${path}/new 2>/dev/null || echo refused`), path).toBe('refused\n')
    }
  })

  test('a file and a directory of the root file system, masked', async () => {
    const script = 'wc -c < /etc/passwd; ls -A /bin; echo lost > /etc/passwd; wc -c < /etc/passwd'
    const { stdout } = await sandbox.output(['/home/busybox', 'sh', '-c', script], (spec) => {
      spec.linux.maskedPaths = ['/etc/passwd', '/bin']
      spec.mounts.push({ destination: '/home', type: 'none', source: `${spec.root.path}/bin`, options: ['bind', 'ro'] })
      spec.process.env = ['PATH=/home']
    })
    expect(stdout).toBe('0\n0\n')
  })

  test('read-only paths: writing is refused', async () => {
    const mounts = await table()
    const present = (await shell(`for path in ${readonly.join(' ')}; do [ ! -e $path ] || echo $path; done`))
      .trim()
      .split('\n')
    expect(present).toContain('/proc/sys')
    for (const path of present) expect(one(mounts, path).options, path).toContain('ro')
    const { stdout } = await sandbox.output(['probe', 'write', '/proc/sys/kernel/hostname'])
    expect(errnoOf(stdout)).toBe('EROFS')
  })

  test('a masked or read-only path that does not exist is passed over', async () => {
    expect(await shell('echo ran', ({ linux }) => {
      linux.maskedPaths = ['/none', '/etc/passwd/none']
      linux.readonlyPaths = ['/none']
    })).toBe('ran\n')
  })
})
