/**
 * Propagation of mounts between host and container: `linux.rootfsPropagation` and the words of `mounts`. Source:
 * runtime-spec config-linux.md "Rootfs Mount Propagation", mount_namespaces(7). Everything happens in a mount namespace
 * that stands for the host's, whose mounts are shared as systemd makes them.
 */
import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { parseMountTable } from '../helpers/mountinfo.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith([...container, 'cli', 'mountNamespaces'], 'propagation', () => {
  const sandbox = useSandbox()
  /** Run SCRIPT in a container with a bind of a shared mount of the host, and then see what the host has got of it. */
  const onSharedHost = async (script: string, options: string[], change?: (spec: TestSpec) => void) => {
    const directory = mkdtempSync(join(sandbox.directory, 'shared-'))
    mkdirSync(join(directory, 'below'))
    const rootfs = sandbox.rootfs()
    const { id, bundle } = sandbox.bundle(['sh', '-c', script], (spec) => {
      spec.root = { path: rootfs, readonly: false }
      const rights = ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE']
      spec.process.capabilities = { bounding: rights, permitted: rights, effective: rights }
      spec.mounts.push({ destination: '/mnt', source: directory, options })
      change?.(spec)
    })
    const before = `mount --bind ${directory} ${directory} && mount --make-rshared /`
    const after = '"$@"; echo; echo host:; cat /proc/self/mountinfo'
    const through = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', `${before} && ${after}`, 'sh']
    const { stdout, stderr } = await sandbox.nrunc(['run', '-b', bundle, id], { through })
    const [inside = '', host = ''] = stdout.split('\nhost:\n')
    return { inside, stderr, directory, rootfs, host: parseMountTable(host) }
  }
  const kindOf = (inside: string, place: string) => parseMountTable(inside).filter(({ path }) => path === place).at(-1)
    ?.propagation.map((word) => word.split(':')[0]).join()

  test.each([
    ['', ''], ['private', ''], ['rprivate', ''], ['slave', ''], ['rslave', ''], ['shared', 'shared'],
      ['rshared', 'shared'],
    ['unbindable', 'unbindable'],
  ])('rootfsPropagation %s: what / is in the container', async (word, expected) => {
    const { inside, stderr, host, rootfs } = await onSharedHost('cat /proc/self/mountinfo', ['rbind', 'rprivate'],
      ({ linux }) => {
      linux.rootfsPropagation = word as 'private'
    })
    expect(stderr).toBe('')
    expect(kindOf(inside, '/')?.replace(/,?master/, '')).toBe(expected)
    expect(host.filter(({ path }) => path.startsWith(rootfs))).toEqual([])
  })

  const mountBelow = 'mount -t tmpfs tmpfs /mnt/below && cat /proc/self/mountinfo'

  test('shared: a mount that the container makes in a shared bind reaches the host', async () => {
    const { inside, host, directory, rootfs } = await onSharedHost(mountBelow, ['rbind', 'rshared'], ({ linux }) => {
      linux.rootfsPropagation = 'rshared'
    })
    expect(kindOf(inside, '/mnt')).toBe('shared')
    expect(host.filter(({ path }) => path === `${directory}/below`)).toHaveLength(1)
    expect(host.filter(({ path }) => path.startsWith(rootfs))).toEqual([]) // and nothing else of the container does
  })

  test.each([[['rbind']], [['rbind', 'rshared']], [['rbind', 'rslave', 'shared']]])(
    'by default it does not, also with %j', async (options) => {
      const { inside, host, directory } = await onSharedHost(mountBelow, options)
      expect(inside).toContain('/mnt/below')
      expect(host.filter(({ path }) => path === `${directory}/below`)).toEqual([])
    })

  test('words are applied in their order: a slave that is shared, and a slave that was shared', async () => {
    const kind = async (...words: string[]) => kindOf((await onSharedHost('cat /proc/self/mountinfo',
      ['rbind', ...words])).inside, '/mnt')
    expect(await kind('rslave', 'rshared')).toBe('shared,master')
    expect(await kind('shared', 'rprivate')).toBe('')
    expect(await kind('rprivate', 'shared')).toBe('shared')
    expect(await kind('rprivate', 'unbindable')).toBe('unbindable')
    expect(await kind('rslave')).toBe('master')
  })

  test('an idmapped mount is the host\'s slave too, and not its peer', async () => {
    const ids = [{ containerID: 0, hostID: 5, size: 10 }]
    const { inside, host, directory } = await onSharedHost(mountBelow.replace('/mnt', '/tmp'), ['rbind'], (spec) =>
      spec.mounts.push({
        ...spec.mounts.find(({ destination }) => destination === '/mnt')!, destination: '/tmp', uidMappings: ids,
          gidMappings: ids,
      }))
    expect(kindOf(inside, '/tmp')).toBe('master')
    expect(host.filter(({ path }) => path === `${directory}/below`)).toEqual([])
  })
})
