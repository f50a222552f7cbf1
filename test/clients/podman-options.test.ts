/**
 * Options of `podman run`, each seen from inside the container.
 */
import { afterEach, beforeAll, expect, test } from 'vitest'
import { Podman, programs } from './podman.ts'
import { describeClient } from './world.ts'

const status = (name: string) => ['grep', name, '/proc/self/status']

describeClient(programs, 'podman: options', (world) => {
  const podman = new Podman(world)
  beforeAll(() => podman.start())
  afterEach(() => podman.removeAll())

  test('capabilities', async () => {
    expect(await podman.inside(['--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN'], status('Cap[EB]'))).toBe('CapEff:\t0000000000001000\nCapBnd:\t0000000000001000')
    expect(await podman.inside(['--user', '1000'], status('CapEff'))).toBe('CapEff:\t0000000000000000')
  })

  test('the seccomp profile of Podman is on, and can be off', async () => {
    expect(await podman.inside([], status('^Seccomp:'))).toBe('Seccomp:\t2')
    expect(await podman.inside(['--security-opt', 'seccomp=unconfined'], status('^Seccomp:'))).toBe('Seccomp:\t0')
  })

  test('user namespaces', async () => {
    const map = ['--uidmap', '0:100000:1000', '--gidmap', '0:200000:1000']
    expect(await podman.inside([...map, '--user', '5:6'], ['sh', '-c', 'cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g']))
      .toMatch(/^0 +100000 +1000\n +0 +200000 +1000\n5\n6$/)
    const id = await podman.detached(map, ['sleep', '1000'])
    const pid = await podman.inspect(id, '.State.Pid')
    expect(await world.shell(`stat -c '%u %g' /proc/${pid}`)).toBe('100000 200000')
    expect(await podman.output(['exec', id, 'sh', '-c', 'touch /x; stat -c "%u %g" /x; grep CapBnd /proc/self/status | wc -l'])).toBe('0 0\n1')
  })

  test('a read-only root file system, with a tmpfs', async () => {
    const script = 'touch /x 2>&1; grep " /own " /proc/mounts'
    expect(await podman.inside(['--read-only', '--tmpfs', '/own:size=1m'], ['sh', '-c', script]))
      .toMatch(/^touch: \/x: Read-only file system\ntmpfs \/own tmpfs rw,nosuid,nodev,.*size=1024k/)
  })

  test('sysctl, ulimit, shared memory, host name, umask', async () => {
    const flags = ['--sysctl', 'net.ipv4.ip_default_ttl=65', '--ulimit', 'nofile=100:200', '--ulimit', 'nproc=1000:1000', '--shm-size', '2m', '--hostname', 'boxed', '--umask', '0077']
    const script = 'cat /proc/sys/net/ipv4/ip_default_ttl; ulimit -n; ulimit -Hn; df -k /dev/shm | tail -1; hostname; umask'
    expect(await podman.inside(flags, ['sh', '-c', script])).toMatch(/^65\n100\n200\nshm +2048 .*\nboxed\n0077$/)
  })

  test('mounts: bind, read-only, a volume, propagation', async () => {
    await world.shell('mkdir -p /run/shared/below; echo content > /run/shared/file; mount --bind /run/shared /run/shared; mount --make-shared /run/shared')
    const bind = '/run/shared:/mnt'
    expect(await podman.run([...podman.begin('run', '--rm', '-v', `${bind}:ro`), 'box', 'sh', '-c', 'cat /mnt/file; touch /mnt/x 2>&1']))
      .toMatchObject({ code: 1, stdout: 'content\ntouch: /mnt/x: Read-only file system\n' })
    await podman.inside(['--cap-add', 'SYS_ADMIN', '-v', `${bind}:rshared`], ['mount', '-t', 'tmpfs', 'tmpfs', '/mnt/below'])
    expect(await world.shell('findmnt -n -o FSTYPE /run/shared/below; umount /run/shared/below')).toBe('tmpfs')
    await podman.inside(['-v', 'kept:/data'], ['sh', '-c', 'echo stays > /data/file'])
    expect(await podman.inside(['-v', 'kept:/data:ro'], ['cat', '/data/file'])).toBe('stays')
    await podman.output(['volume', 'rm', 'kept'])
    await world.shell('umount /run/shared')
  })

  test('devices', async () => {
    expect(await podman.inside(['--device', '/dev/zero:/dev/own:r'], ['sh', '-c', 'head -c 4 /dev/own | wc -c'])).toBe('4')
    expect(await podman.inside(['--cap-add', 'MKNOD'], ['sh', '-c', 'mknod /dev/own c 10 200; (: < /dev/own) 2> /dev/null || echo refused'])).toBe('refused')
  })

  test('namespaces of another container, and of the host', async () => {
    const id = await podman.detached(['--sysctl', 'net.ipv4.ip_default_ttl=77'], ['sleep', '1000'])
    expect(await podman.inside(['--network', `container:${id}`], ['cat', '/proc/sys/net/ipv4/ip_default_ttl'])).toBe('77')
    expect(await podman.inside(['--pid', `container:${id}`], ['sh', '-c', 'tr "\\0" " " < /proc/1/cmdline'])).toBe('sleep 1000')
    for (const [flag, kind] of [['network', 'net'], ['pid', 'pid'], ['uts', 'uts'], ['ipc', 'ipc'], ['cgroupns', 'cgroup']]) {
      expect(await podman.inside([`--${flag}`, 'host'], ['readlink', `/proc/self/ns/${kind}`])).toBe(await world.shell(`readlink /proc/self/ns/${kind}`))
    }
  })

  test('a privileged container, and one on a directory', async () => {
    expect(await podman.inside(['--privileged'], ['sh', '-c', 'mount -t tmpfs tmpfs /mnt 2> /dev/null || mount -t tmpfs tmpfs /tmp; grep -c "tmpfs /tmp\\|tmpfs /mnt" /proc/mounts'])).toBe('1')
    const directory = await world.shell('cp -a "$1" /run/tree; echo /run/tree', (await podman.output(['image', 'mount', 'box'])))
    expect(await podman.output([...podman.begin('run', '--rm', '--rootfs'), directory, 'echo', 'from a directory'])).toBe('from a directory')
    await podman.output(['image', 'umount', 'box'])
  })
})
