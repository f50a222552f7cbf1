/**
 * Names of network devices that lead elsewhere: paths, templates, alternative names, those that a joined namespace has taken;
 * and somebody in that namespace who speaks in the place of the kernel.
 * Whatever fails, the device is the host's again as it was. The "host" is a network namespace of the test's own.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { bench, container, describeWith } from '../helpers/needs.ts'

describeWith([...container, 'cli', 'networkDevices', 'mountNamespaces'], 'names of network devices', () => {
  const sandbox = useSandbox()
  const setUp = [
    'ip link add name veth0 type veth peer name veth1', 'ip link property add dev veth0 altname alt0', 'ip link set veth0 up',
    'ip link set veth1 up', 'ip addr add 10.9.8.7/24 dev veth0',
  ].join(' && ')
  const look = 'ip -o addr show dev veth0 | grep -o "inet 10[^ ]*"; ip link show dev veth0 | grep -oE "[<,]UP[,>]|altname .*"'
  const untouched = ['inet 10.9.8.7/24', ',UP,', 'altname alt0']

  /** `nrunc run` where these devices are, with what is left there of veth0. */
  const run = async (args: readonly string[], names: Readonly<Record<string, { name?: string }>>, { joined = '', beside = '' } = {}) => {
    const file = join(sandbox.directory, 'netns')
    if (joined !== '') writeFileSync(file, '')
    const { id, bundle } = sandbox.bundle(args, ({ linux }: TestSpec) => {
      linux.netDevices = { ...names }
      if (joined !== '') linux.namespaces.find(({ type }) => type === 'network')!.path = file
    })
    const other = joined === '' ? '' : `unshare --net=${file} sh -c '${joined}' &&`
    const neighbour = beside === '' ? '' : `nsenter --net=${file} ${beside} &`
    const script = `${setUp} && ${other} sh -c '${neighbour} exec "$@"' sh "$@"; code=$?; echo left:; ${look}; exit $code`
    const { code, stdout, stderr } = await sandbox.nrunc(['run', '--bundle', bundle, id], {
      through: ['unshare', '-n', '-m', '--propagation', 'private', 'sh', '-c', script, 'sh'],
    })
    const [said = '', left = ''] = stdout.split('left:\n')
    return { code, said, stderr, left: left.trim().split('\n').filter(Boolean) }
  }

  test.each([
    '../veth0', '/veth0', 'veth0/../veth1', '.', '..', '', 'veth 0', 'veth0\n', 'veth0:1', 'veth%d', 'a'.repeat(16), 'é'.repeat(8), 'veth0\0',
  ])('%j is refused, as the name here and as that there', async (name) => {
    for (const names of [{ [name]: {} }, ...(['', 'veth%d'].includes(name) ? [] : [{ veth0: { name } }])]) {
      const { code, stderr, left } = await run(['true'], names)
      expect([code, left], stderr).toEqual([1, untouched])
      expect(stderr).toContain('/linux/netDevices/')
    }
  })

  test('an alternative name: it is that device, and keeps its own name', async () => {
    const { code, said, left, stderr } = await run(['sh', '-c', 'ls /sys/class/net; ip -o addr show dev veth0'], { alt0: {} })
    expect(code, stderr).toBe(0)
    expect(said).toMatch(/^lo\nveth0\n.*inet 10\.9\.8\.7\/24/)
    expect(left).toEqual([])
  })

  test.each<[string, Readonly<Record<string, { name?: string }>>, { joined?: string }]>([
    ['its own alternative name', { veth0: { name: 'alt0' } }, {}],
    ['its own alternative name, by that', { alt0: { name: 'alt0' } }, {}],
    ['the same device twice', { veth0: {}, alt0: { name: 'again' } }, {}],
    ['a template of which all are taken', { alt0: { name: 'x%d%d' } }, {}],
    ['a name that a joined namespace has', { alt0: { name: 'theirs' } }, { joined: 'ip link add theirs type veth' }],
    ['a name that is an alternative one in a joined namespace', { veth0: { name: 'theirs' } }, { joined: 'ip link property add dev lo altname theirs' }],
    ['an alternative name that is taken in a joined namespace', { veth0: { name: 'eth0' } }, { joined: 'ip link add alt0 type veth' }],
  ])('%s: an error, and the device is back as it was', async (_, names, how) => {
    const { code, left, stderr } = await run(['true'], names, how)
    expect([code, left], stderr).toEqual([1, untouched])
    expect(await sandbox.runtime.list()).toEqual([])
  })
  // CVE-2009-1185: whoever has CAP_NET_ADMIN in a network namespace may send to the sockets in it.
  test('errors that a neighbour in the joined namespace makes up are not the kernel\'s', async () => {
    for (let round = 0; round < 3; round++) {
      const { code, said, left, stderr } = await run(['ip', '-o', 'addr', 'show', 'dev', 'veth0'], { veth0: {} },
        { joined: 'true', beside: `${bench().sockets} forge $$` })
      expect(code, stderr).toBe(0)
      expect(said).toMatch(/forging[^]*inet 10\.9\.8\.7\/24/)
      expect(left).toEqual([])
    }
  })
})
