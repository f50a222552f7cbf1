/**
 * Mount points that the image does not have: they are made, inside the root, also where a link of the image leads to
 * nothing. Source: runtime-spec config.md "Mounts", path_resolution(7).
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { makeCanary } from '../helpers/canary.ts'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { parseMountTable } from '../helpers/mountinfo.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith(container, 'mount points', () => {
  const sandbox = useSandbox()
  const withLinks = (links: Readonly<Record<string, string>>): string => {
    const rootfs = sandbox.rootfs()
    for (const [path, target] of Object.entries(links)) {
      mkdirSync(dirname(join(rootfs, path)), { recursive: true })
      symlinkSync(target, join(rootfs, path))
    }
    return rootfs
  }
  const file = join(sandbox.directory, 'here')
  writeFileSync(file, '')
  const mountedOn = (rootfs: string, destination: string, isFile = false) => (spec: TestSpec): void => {
    spec.root.path = rootfs
    spec.mounts.push(isFile
      ? { destination, source: file, options: ['bind'] }
      : { destination, type: 'tmpfs', source: 'here' })
  }
  /** Where the mount is. */
  const places = async (rootfs: string, destination: string, isFile = false) => {
    const { stdout } = await sandbox.output(['cat', '/proc/self/mountinfo'], mountedOn(rootfs, destination, isFile))
    return parseMountTable(stdout).filter(({ source, root }) =>
      source === 'here' || root.endsWith('/here')).map(({ path }) => path)
  }

  test.each([
    ['/var/run/x', { 'var/run': '/run' }, '/run/x'],
    ['/var/run', { 'var/run': '/run' }, '/run'],
    ['/var/run/a/b/c', { 'var/run': '../run' }, '/run/a/b/c'],
    ['/l1/x', { l1: 'l2', l2: '/l3/deep', l3: 'new/place' }, '/new/place/deep/x'],
    ['/a/../l/x', { l: '/made/by/link/' }, '/made/by/link/x'],
    ['/up/x', { up: '../../../../above' }, '/above/x'],
    ['/deep/l/../x', { 'deep/l': '/other/place' }, '/other/x'],
  ])('%s through a dangling link', async (destination, links, expected) => {
    const rootfs = withLinks(links)
    expect(await places(rootfs, destination)).toEqual([expected])
    expect(lstatSync(join(rootfs, expected)).isDirectory()).toBe(true)
    for (const [path, target] of Object.entries(links)) expect(readlinkSync(join(rootfs, path))).toBe(target)
  })

  test.each([
    ['/var/run/name', { 'var/run': '/run' }, '/run/name'],
    ['/etc/resolv', { 'etc/resolv': '../run/resolve/file' }, '/run/resolve/file'],
    ['/etc/one', { 'etc/one': 'two', 'etc/two': '/three/file' }, '/three/file'],
  ])('a file %s through a dangling link', async (destination, links, expected) => {
    const rootfs = withLinks(links)
    expect(await places(rootfs, destination, true)).toEqual([expected])
    expect(lstatSync(join(rootfs, expected)).isFile()).toBe(true)
  })

  test.each([false, true])('links that lead to themselves, and too many of them (file: %s)', async (isFile) => {
    const many = Object.fromEntries(Array.from({ length: 45 }, (_, at) => [`m${at}`, `m${at + 1}`]))
    for (const [destination, links] of [['/a/x', { a: 'b', b: 'a' }], ['/m0/x', many]] as const) {
      const error = await rejection(sandbox.create(['true'], mountedOn(withLinks(links), destination, isFile)))
      expect([error.code, error.errno, error.operand]).toEqual(['ERR_INIT', 'ELOOP', destination])
    }
    const few = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`m${at}`, `m${at + 1}`]))
    expect((await sandbox.output(['true'], mountedOn(withLinks(few), '/m0/x', isFile))).code).toBe(0)
  })

  test('CVE-2024-45310: a dangling link to a place outside makes nothing there', async () => {
    const canary = makeCanary(sandbox.directory)
    const before = canary.look()
    const outside = join(canary.directory, 'new')
    for (const target of [outside, `${'../'.repeat(20)}${outside.slice(1)}`, `/proc/self/root${outside}`,
      `/proc/1/cwd${outside}`]) {
      for (const isFile of [false, true]) {
        const rootfs = withLinks({ link: target })
        await sandbox.output(['true'], mountedOn(rootfs, '/link/x', isFile)).catch(() => undefined)
        await sandbox.output(['true'], mountedOn(rootfs, '/link', isFile)).catch(() => undefined)
        expect([canary.look(), existsSync(outside)], target).toEqual([before, false])
      }
    }
  })

  test('a dangling link on the way to /proc or /sys is refused as any link', async () => {
    const rootfs = sandbox.rootfs()
    symlinkSync('/elsewhere', join(rootfs, 'fakeproc'))
    const error = await rejection(sandbox.create(['true'], (spec) => {
      spec.root.path = rootfs
      spec.mounts.push({ destination: '/fakeproc', type: 'sysfs', source: 'sysfs' })
    }))
    expect([error.errno, error.message]).toEqual(['ELOOP',
      expect.stringContaining('must be mounted on ordinary directory')])
    expect(readdirSync(rootfs)).not.toContain('elsewhere')
  })

  test('a working directory behind a dangling link is made', async () => {
    const rootfs = withLinks({ 'var/run': '/run' })
    const { stdout } = await sandbox.output(['pwd'], (spec) => {
      spec.root.path = rootfs
      spec.process.cwd = '/var/run/app'
    })
    expect(stdout).toBe('/run/app\n')
  })

  test('a read-only tmpfs gets the mount points of what is mounted in it before', async () => {
    const { stdout } = await sandbox.output(['sh', '-c',
      'ls /tmp; touch /tmp/x 2>/dev/null || echo refused; touch /tmp/a/x && echo ok'], ({ mounts }) =>
      mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['ro'] },
        { destination: '/tmp/a', type: 'tmpfs', source: 'tmpfs' }))
    expect(stdout).toBe('a\nrefused\nok\n')
  })
})
