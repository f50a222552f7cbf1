/**
 * Options of `docker run`, each seen from inside the container.
 */
import { existsSync } from 'node:fs'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { Docker, programs } from './docker.ts'
import { describeClient } from './world.ts'

const status = (name: string) => ['grep', name, '/proc/self/status']

describeClient(programs, 'docker: options', (world) => {
  const docker = new Docker(world)
  beforeAll(() => docker.start())
  afterEach(() => docker.removeAll())

  test('capabilities', async () => {
    expect(await docker.inside([], status('CapEff'))).toBe('CapEff:\t00000000a80425fb')
    expect(await docker.inside(['--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN'], status('Cap[EB]'))).toBe('CapEff:\t0000000000001000\nCapBnd:\t0000000000001000')
    expect(await docker.inside(['--user', '1000'], status('CapEff'))).toBe('CapEff:\t0000000000000000')
  })

  test('the seccomp profile of Docker is on, and can be off', async () => {
    expect(await docker.inside([], status('^Seccomp:'))).toBe('Seccomp:\t2')
    const script = 'unshare -U true 2> /dev/null && echo allowed || echo refused'
    expect(await docker.inside([], ['sh', '-c', script])).toBe('refused')
    const off = ['--security-opt', 'seccomp=unconfined']
    expect(await docker.inside(off, status('^Seccomp:'))).toBe('Seccomp:\t0')
    expect(await docker.inside(off, ['sh', '-c', script])).toBe('allowed')
  })

  test('no new privileges', async () => {
    expect(await docker.inside(['--security-opt', 'no-new-privileges'], status('NoNewPrivs'))).toBe('NoNewPrivs:\t1')
  })

  test('a read-only root file system, with a tmpfs', async () => {
    const script = 'touch /x 2>&1; touch /tmp/x && grep " /tmp " /proc/mounts'
    const output = await docker.inside(['--read-only', '--tmpfs', '/tmp:size=1m'], ['sh', '-c', script])
    expect(output).toMatch(/^touch: \/x: Read-only file system\ntmpfs \/tmp tmpfs rw,nosuid,nodev,noexec,.*size=1024k/)
  })

  test('sysctl, ulimit, shared memory, host name, oom score', async () => {
    const flags = [
      '--sysctl', 'net.ipv4.ip_default_ttl=65', '--ulimit', 'nofile=100:200', '--shm-size', '2m', '--hostname', 'boxed', '--oom-score-adj', '500',
    ]
    const script = 'cat /proc/sys/net/ipv4/ip_default_ttl; ulimit -n; ulimit -Hn; df -k /dev/shm | tail -1; hostname; cat /proc/self/oom_score_adj'
    expect(await docker.inside(flags, ['sh', '-c', script])).toMatch(/^65\n100\n200\nshm +2048 .*\nboxed\n500$/)
  })

  test('an init', async () => {
    expect(await docker.inside(['--init'], ['sh', '-c', 'tr "\\0" " " < /proc/1/cmdline'])).toMatch(/docker-init -- sh -c/)
  })

  test.skipIf(!existsSync('/dev/net/tun'))('devices (the host needs /dev/net/tun)', async () => {
    const script = 'ls -l /dev/own | cut -c1; : < /dev/own && echo read; (: > /dev/own) 2> /dev/null || echo read-only'
    expect(await docker.inside(['--device', '/dev/net/tun:/dev/own:r'], ['sh', '-c', script])).toBe('c\nread\nread-only')
    expect(await docker.inside([], ['sh', '-c', 'mknod /dev/own c 10 200; (: < /dev/own) 2> /dev/null || echo refused'])).toBe('refused')
    expect(await docker.inside(['--privileged'], ['sh', '-c', 'test -c /dev/loop-control -o -c /dev/fuse && echo all'])).toBe('all')
  })

  test('mounts: bind, read-only, a volume, propagation', async () => {
    await world.shell('mkdir -p /run/shared/below; echo content > /run/shared/file; mount --bind /run/shared /run/shared; mount --make-shared /run/shared')
    const bind = '/run/shared:/mnt'
    const { code, stdout } = await docker.run(['run', '--rm', '--network', 'none', '-v', `${bind}:ro`, 'box', 'sh', '-c', 'cat /mnt/file; touch /mnt/x 2>&1'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'content\ntouch: /mnt/x: Read-only file system\n' })
    const flags = ['--cap-add', 'SYS_ADMIN', '--security-opt', 'apparmor=unconfined', '-v', `${bind}:rshared`]
    await docker.inside(flags, ['mount', '-t', 'tmpfs', 'tmpfs', '/mnt/below'])
    expect(await world.shell('findmnt -n -o FSTYPE /run/shared/below; umount /run/shared/below')).toBe('tmpfs')
    await docker.inside(['-v', 'kept:/data'], ['sh', '-c', 'echo stays > /data/file'])
    expect(await docker.inside(['-v', 'kept:/data:ro'], ['cat', '/data/file'])).toBe('stays')
    await docker.output(['volume', 'rm', 'kept'])
    await world.shell('umount /run/shared')
  })

  test('namespaces of another container, and of the host', async () => {
    const id = await docker.detached(['--sysctl', 'net.ipv4.ip_default_ttl=77', '--ipc', 'shareable'], ['sleep', '1000'])
    const join = (...flags: string[]) => ['run', '--rm', ...flags, 'box']
    expect(await docker.output([...join('--network', `container:${id}`), 'cat', '/proc/sys/net/ipv4/ip_default_ttl'])).toBe('77')
    expect(await docker.output([...join('--network', 'none', '--pid', `container:${id}`), 'sh', '-c', 'tr "\\0" " " < /proc/1/cmdline'])).toBe('sleep 1000')
    const names = ['sh', '-c', 'readlink /proc/self/ns/ipc']
    expect(await docker.output([...join('--network', 'none', '--ipc', `container:${id}`), ...names])).toBe(await docker.output(['exec', id, ...names]))
    for (const kind of ['net', 'pid', 'uts', 'ipc']) {
      const flags = kind === 'net' ? ['--network', 'host'] : ['--network', 'none', `--${kind}`, 'host']
      expect(await docker.output([...join(...flags), 'readlink', `/proc/self/ns/${kind}`])).toBe(await world.shell(`readlink /proc/self/ns/${kind}`))
    }
  })

  test('users: by name, by number, with groups', async () => {
    expect(await docker.inside(['--user', 'user'], ['id'])).toBe('uid=1000(user) gid=1000(user) groups=1000(user)')
    expect(await docker.inside(['--user', '5:6', '--group-add', '7'], ['sh', '-c', 'id -u; id -g; id -G'])).toBe('5\n6\n6 7')
  })

  test('masked and read-only paths', async () => {
    const script = 'wc -c < /proc/timer_list; ls /sys/firmware; (echo x > /proc/sys/kernel/hostname) 2>&1'
    expect(await docker.run(['run', '--rm', '--network', 'none', 'box', 'sh', '-c', script])).toMatchObject({
      code: 1, stdout: expect.stringMatching(/^0\n.*hostname: Read-only file system\n$/),
    })
    expect(await docker.inside(['--privileged'], ['sh', '-c', 'head -c 9 /proc/timer_list | wc -c'])).toBe('9')
  })
})
