/**
 * Network devices of the host that move into a container. The "host" is a network namespace of the test's own. Source:
 * runtime-spec config-linux.md "Network Devices".
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith([...container, 'cli', 'networkDevices', 'mountNamespaces'], 'network devices', () => {
  const sandbox = useSandbox()
  const setUp = [
    'ip link add name veth0 type veth peer name veth1', 'ip link set veth0 mtu 1400', 'ip link set veth0 up',
    'ip link set veth1 up', 'ip addr add 10.9.8.7/24 brd + dev veth0', 'ip addr add fd00:9::7/64 dev veth0 nodad',
    'ip addr add 10.9.8.8/32 scope link dev veth0', 'ip addr add 10.9.8.9/24 valid_lft 600 preferred_lft 600 dev veth0',
  ].join(' && ')

  /** Run `nrunc run` where these devices are, with what is left there at the end as the last line. */
  const run = async (args: readonly string[], change: (spec: TestSpec) => void, before = setUp) => {
    const { id, bundle } = sandbox.bundle(args, change)
    const result = await sandbox.nrunc(['run', '--bundle', bundle, id], {
      through: ['unshare', '-n', '-m', '--propagation', 'private', 'sh', '-c', `${before} && "$@"; code=$?; mount -t sysfs none /sys; echo left: $(ls /sys/class/net) >&2; exit $code`, 'sh'],
    })
    return { ...result, left: /^left: (.*)$/m.exec(result.stderr)?.[1]?.split(' ') ?? [] }
  }
  const devices = (names: Readonly<Record<string, { name?: string }>>) => ({ linux }: TestSpec) => {
    linux.netDevices = { ...names }
  }

  test('a device keeps its name, its global addresses, its MTU, and is up', async () => {
    const { code, stdout, left, stderr } = await run(['ip', 'addr', 'show', 'dev', 'veth0'], devices({ veth0: {} }))
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/veth0.*<[A-Z,_]*UP[,>].*mtu 1400/)
    expect(stdout).toMatch(/inet 10\.9\.8\.7\/24 brd 10\.9\.8\.255 scope global/)
    expect(stdout).toMatch(/inet6 fd00:9::7\/64 scope global/)
    // A limited scope and a limited time are not kept.
    expect(stdout).not.toMatch(/10\.9\.8\.[89]/)
    expect(left).not.toContain('veth0')
  })

  test('renamed, by name and by template', async () => {
    const list = ['sh', '-c', 'ls /sys/class/net; cat /sys/class/net/*/operstate | sort -u']
    const { code, stdout } = await run(list, devices({ veth0: { name: 'eth0' }, veth1: { name: 'net%d' } }))
    expect(code).toBe(0)
    expect(stdout.split('\n').slice(0, 3)).toEqual(['eth0', 'lo', 'net0'])
    expect(stdout).toContain('up')
  })

  test('into a joined namespace, also where its number is taken', async () => {
    const file = join(sandbox.directory, 'netns')
    writeFileSync(file, '')
    // Interfaces 2 to 9 of that namespace.
    const other = 'for n in 1 2 3 4; do ip link add type veth; done'
    const before = `${setUp} && unshare --net=${file} sh -c '${other}'`
    const { code, stdout, stderr } = await run(['ip', 'addr', 'show', 'dev', 'moved'], (spec) => {
      devices({ veth0: { name: 'moved' } })(spec)
      spec.linux.namespaces.find(({ type }) => type === 'network')!.path = file
    }, before)
    expect(code, stderr).toBe(0)
    expect(stdout).toContain('inet 10.9.8.7/24')
    expect(stdout).toMatch(/<[A-Z,_]*UP[,>]/)
  })

  test('into a user namespace', async () => {
    const { code, stdout, stderr } = await run(['ip', 'addr', 'show', 'dev', 'eth0'], (spec) => {
      devices({ veth0: { name: 'eth0' } })(spec)
      spec.linux.namespaces.push({ type: 'user' })
      spec.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }]
      spec.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }]
    })
    expect(code, stderr).toBe(0)
    expect(stdout).toContain('inet 10.9.8.7/24')
  })

  test('one that cannot move, after one that could: both are back as they were', async () => {
    const before = `${setUp}; ip addr flush dev veth0; ip addr add 10.9.8.7/24 brd + dev veth0`
    const { code, stderr, left } = await run(['true'], devices({ veth0: { name: 'eth0' }, veth1: { name: 'lo' } }),
      `trap 'ip addr show dev veth0 >&2; ip addr show dev veth1 >&2' EXIT; ${before}`)
    expect(code).toBe(1)
    expect(left).toEqual(['lo', 'veth0', 'veth1'])
    expect(stderr).toMatch(/veth0@veth1: <[A-Z,_]*UP[,>].*mtu 1400/)
    expect(stderr).toContain('inet 10.9.8.7/24 brd 10.9.8.255 scope global')
    expect(stderr).toMatch(/veth1@veth0: <[A-Z,_]*UP[,>]/)
  })

  test.each<[string, Readonly<Record<string, { name?: string }>>, string, string]>([
    ['one that is not there', { nosuch0: {} }, String.raw`cannot move network device \"nosuch0\": RTM_GETLINK: no such device`, '/linux/netDevices/nosuch0'],
    ['a name that is taken there', { veth0: { name: 'lo' } }, String.raw`cannot move network device \"veth0\": RTM_NEWLINK: file exists`, '/linux/netDevices/veth0'],
  ])('%s: its field, and no container', async (_, names, message, field) => {
    const { code, stderr, left } = await run(['true'], devices(names))
    expect(code).toBe(1)
    expect(stderr).toContain(`${message} (field ${field})`)
    expect(left).toEqual(['lo', 'veth0', 'veth1'])
    expect(await sandbox.runtime.list()).toEqual([])
  })

  test('the namespace of the host, joined by path', async () => {
    const { code, stderr, left } = await run(['true'], (spec) => {
      devices({ veth0: {} })(spec)
      spec.linux.namespaces.find(({ type }) => type === 'network')!.path = '/proc/self/ns/net'
    })
    expect(code).toBe(1)
    expect(stderr).toContain('unable to move network devices without a private NET namespace')
    expect(left).toContain('veth0')
  })
})
