import { lstat, mkdir, mkdtemp, readFile, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import type * as promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { NruncError } from '../../../lib/errors.ts'
import { hostBundle, writeHostBundle } from '../../../lib/bundle/host-bundle.ts'
import { parseJson } from '../../../lib/spec/parse.ts'
import { validateSpec } from '../../../lib/spec/validate.ts'

const host = vi.hoisted(() => ({ mountinfo: undefined as string | undefined }))

vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof promises>()
  const readFile = async (path: string, encoding: 'utf8') =>
    (path === '/proc/self/mountinfo' ? host.mountinfo : undefined) ?? original.readFile(path, encoding)
  return { ...original, readFile }
})

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nrunc-host-bundle-'))
})
afterEach(async () => {
  host.mountinfo = undefined
  await rm(directory, { recursive: true })
})

async function rejection(promise: Promise<unknown>): Promise<NruncError> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason)
  if (error instanceof NruncError) return error
  throw new Error(`no NruncError: ${String(error)}`)
}

const optionsOf = async (path: string) =>
  (await hostBundle()).spec.mounts?.find(({ destination }) => destination === path)?.options

test('the programs of the host are bound read-only', async () => {
  const { spec } = await hostBundle()
  const binds = (spec.mounts ?? []).filter(({ options }) => options?.some((option) => /^r?bind$/.test(option)))
  const destinations = binds.map(({ destination }) => destination)
  expect(destinations).toEqual(expect.arrayContaining(['/usr', '/etc/passwd', '/etc/group']))
  for (const { options } of binds) {
    expect(options).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev']))
    expect(options?.includes('rbind')).toBe(options?.includes('rro'))
  }
  expect(spec.root).toEqual({ path: 'rootfs', readonly: true })
})

test('everything else is in memory or made by the kernel', async () => {
  const { spec } = await hostBundle()
  const others = (spec.mounts ?? []).filter(({ options }) => !options?.some((option) => /^r?bind$/.test(option)))
  expect(others.map(({ destination, type }) => `${destination} ${type}`)).toEqual([
    '/proc proc', '/dev tmpfs', '/dev/pts devpts', '/dev/shm tmpfs', '/dev/mqueue mqueue', '/sys sysfs',
    '/sys/fs/cgroup cgroup', '/tmp tmpfs', '/var/tmp tmpfs', '/run tmpfs', '/root tmpfs',
  ])
})

test('nothing secret is reachable', async () => {
  const { spec, links } = await hostBundle()
  const shown = [...(spec.mounts ?? []).map(({ source = '' }) => source), ...links.map(({ target }) => target)]
  for (const secret of ['/etc/shadow', '/etc/gshadow', '/etc/ssl/private', '/etc/pki/tls/private', '/root', '/home']) {
    expect(shown.filter((path) => `${secret}/`.startsWith(`${path}/`))).toEqual([])
  }
})

test('a mount below a bound directory is read-only too', async () => {
  const line = (point: string) => `36 35 98:0 / ${point} rw,noatime master:1 - ext4 /dev/sda rw\n`
  host.mountinfo = line('/') + line('/usr2') + line('/usr')
  expect(await optionsOf('/usr')).toEqual(['bind', 'ro', 'nosuid', 'nodev', 'rprivate'])
  host.mountinfo = line('/') + line('/usr/my\\040data')
  expect(await optionsOf('/usr')).toEqual([
    'rbind', 'ro', 'rro', 'nosuid', 'rnosuid', 'nodev', 'rnodev', 'rprivate',
  ])
})

test('without arguments it is a shell on a terminal', async () => {
  const { spec } = await hostBundle()
  expect(spec.process).toMatchObject({ terminal: true, args: ['sh'], cwd: '/' })
  expect(spec.hostname).toBe('nrunc')
})

test('options', async () => {
  const { spec } = await hostBundle({
    args: ['cat', '/etc/os-release'], env: ['TERM=dumb', 'A=b=c'], cwd: '/tmp', hostname: 'first',
  })
  expect(spec.process).toMatchObject({
    terminal: false, args: ['cat', '/etc/os-release'], cwd: '/tmp',
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=dumb', 'HOME=/root', 'A=b=c'],
  })
  expect(spec.hostname).toBe('first')
})

test('for an ordinary user', async () => {
  const { spec } = await hostBundle({ rootless: { uid: 1000, gid: 100 } })
  expect(spec.linux?.uidMappings).toEqual([{ containerID: 0, hostID: 1000, size: 1 }])
  expect(spec.linux?.gidMappings).toEqual([{ containerID: 0, hostID: 100, size: 1 }])
  expect(spec.linux?.namespaces).toContainEqual({ type: 'user' })
  expect(spec.mounts?.map(({ destination }) => destination)).toContain('/usr')
})

test('it is valid', async () => {
  const { spec } = await hostBundle()
  expect(validateSpec(spec)).toEqual(spec)
})

test('a bundle has mount points and links, and nothing else', async () => {
  const bundle = join(directory, 'a/b')
  const spec = await writeHostBundle(bundle, { args: ['true'] })
  expect(parseJson(await readFile(join(bundle, 'config.json'), 'utf8'))).toEqual(spec)
  expect((await readdir(bundle)).sort()).toEqual(['config.json', 'rootfs'])

  const rootfs = join(bundle, 'rootfs')
  for (const name of await readdir(rootfs, { recursive: true })) {
    const found = await lstat(join(rootfs, name))
    if (found.isFile()) expect(found.size, name).toBe(0)
    else expect(found.isDirectory() || found.isSymbolicLink(), name).toBe(true)
  }
  for (const { destination, source = '' } of spec.mounts ?? []) {
    if (/^\/(dev|proc|sys)\//.test(destination)) continue
    const point = await lstat(join(rootfs, destination))
    const isFile = source.startsWith('/') && (await stat(source)).isFile()
    expect(isFile ? point.isFile() : point.isDirectory(), destination).toBe(true)
  }
})

test.each(['/bin', '/sbin', '/lib', '/lib64'])('%s is as on the host: a link stays a link', async (path) => {
  const found = await lstat(path).catch(() => undefined)
  await writeHostBundle(directory)
  const made = await lstat(join(directory, 'rootfs', path)).catch(() => undefined)
  expect(made?.isSymbolicLink()).toBe(found?.isSymbolicLink())
  expect(made?.isDirectory()).toBe(found?.isDirectory())
  if (found?.isSymbolicLink()) expect(await readlink(join(directory, 'rootfs', path))).toBe(await readlink(path))
})

test('a config.json is not overwritten', async () => {
  await writeFile(join(directory, 'config.json'), 'mine')
  const error = await rejection(writeHostBundle(directory))
  expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID', operand: join(directory, 'config.json') })
  expect(error.message).toBe('File config.json exists. Remove it first')
  expect(await readdir(directory)).toEqual(['config.json'])
  expect(await readFile(join(directory, 'config.json'), 'utf8')).toBe('mine')
})

test('a rootfs that is not empty is left alone', async () => {
  await mkdir(join(directory, 'rootfs'))
  await symlink('/etc', join(directory, 'rootfs/etc'))
  const error = await rejection(writeHostBundle(directory))
  expect(error.message).toBe('directory rootfs is not empty, remove it first')
  expect(await readdir(directory)).toEqual(['rootfs'])
  expect(await readdir(join(directory, 'rootfs'))).toEqual(['etc'])
})

test('a rootfs that is a link is not followed', async () => {
  await mkdir(join(directory, 'elsewhere'))
  await symlink('elsewhere', join(directory, 'rootfs'))
  expect((await rejection(writeHostBundle(directory))).message).toBe('directory rootfs is not empty, remove it first')
  expect(await readdir(join(directory, 'elsewhere'))).toEqual([])
})

test('an existing empty rootfs is used', async () => {
  await mkdir(join(directory, 'rootfs'))
  await writeHostBundle(directory)
  expect(await readdir(join(directory, 'rootfs'))).toContain('usr')
})

test.each([
  [{ args: [] }, '/process/args', 'args must not be empty'],
  [{ cwd: 'tmp' }, '/process/cwd', 'cwd must be an absolute path'],
  [{ env: ['x'] }, '/process/env/3', "invalid environment variable: missing '='"],
  [{ args: ['a\0b'] }, '/process/args/0', 'contains null byte'],
])('an option that makes an invalid spec writes nothing: %j', async (options, field, message) => {
  const error = await rejection(writeHostBundle(directory, options))
  expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID', problems: [{ field, message }] })
  expect(await readdir(directory)).toEqual([])
})

test('a directory that cannot be made is named', async () => {
  await writeFile(join(directory, 'file'), '')
  const error = await rejection(writeHostBundle(join(directory, 'file/bundle')))
  expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID', errno: 'ENOTDIR', syscall: 'mkdir' })
  expect(error.message).toContain(`cannot write bundle "${join(directory, 'file/bundle')}": `)
})
