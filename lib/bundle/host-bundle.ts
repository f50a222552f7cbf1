/**
 * A bundle without an image: its root file system is an empty directory in which the host's programs and libraries are
 * bound read-only, so that a first container runs with nothing to download.
 */
import {
  lstat, mkdir, readFile, readdir, readlink, realpath, rmdir, stat, statfs, symlink, unlink, writeFile,
} from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { NruncError } from '../errors.ts'
import { checkOptions } from '../options/options.ts'
import { defaultSpec, rootlessSpec } from '../spec/defaults.ts'
import { stringifyJson } from '../spec/parse.ts'
import type { Mount, Spec } from '../spec/schema.ts'
import { validateSpec } from '../spec/validate.ts'

/** Where programs and libraries are; links among them (merged /usr) are made again as links. */
const programDirectories = [
  '/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libo32', '/libx32', '/nix/store', '/gnu/store',
]

/** What programs look up in /etc, and nothing with a secret in it: no shadow, no private keys. */
const configFiles = [
  '/etc/passwd', '/etc/group', '/etc/nsswitch.conf', '/etc/ld.so.cache', '/etc/ld.so.conf', '/etc/ld.so.conf.d',
  '/etc/localtime', '/etc/os-release', '/etc/alternatives', '/etc/protocols', '/etc/services', '/etc/hosts',
  '/etc/resolv.conf', '/etc/ssl/certs', '/etc/ssl/openssl.cnf', '/etc/ca-certificates/extracted',
  '/etc/pki/ca-trust/extracted',
]

const memory = (destination: string, mode: string): Mount =>
  ({ destination, type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', `mode=${mode}`, 'size=262144k'] })

/** What a container with the host's own programs runs. */
export interface HostBundleOptions {
  /** Program and arguments; with them there is no terminal. Default: `['sh']` on a terminal. */
  readonly args?: readonly string[] | undefined
  /** Added to PATH, TERM and HOME, as `NAME=value`; the same name replaces. */
  readonly env?: readonly string[] | undefined
  /** Default `/`. */
  readonly cwd?: string | undefined
  /** Default `nrunc`. */
  readonly hostname?: string | undefined
  /** Make the bundle for this ordinary user, see {@link rootlessSpec}. Default: for root. */
  readonly rootless?: { readonly uid: number; readonly gid: number } | undefined
}

const hostNames = new Set(['args', 'env', 'cwd', 'hostname', 'rootless'] satisfies (keyof HostBundleOptions)[])

/** @throws NruncError ERR_OPTION_INVALID */
export const checkHostOptions = (options: HostBundleOptions): void => checkOptions(options, hostNames)

/** A spec and what its root file system must hold, which is nothing but mount points and links. */
export interface HostBundle {
  readonly spec: Spec
  /** Directories to make, parents first; absolute in the root file system. */
  readonly directories: readonly string[]
  /** Empty files to make: mount points. */
  readonly files: readonly string[]
  readonly links: readonly { readonly path: string; readonly target: string }[]
}

type Change = (path: string) => Promise<void>

interface Layout {
  readonly mounts: Mount[]
  readonly directories: Set<string>
  readonly files: string[]
  readonly links: { path: string; target: string }[]
}

/**
 * Look at the host and describe a container that shares its programs, read-only. Nothing of the host can be written:
 * its directories and the root are read-only, /tmp, /var/tmp, /run and /root are in memory (256 MiB each at most).
 *
 * @throws NruncError ERR_CONFIG_INVALID when an option makes an invalid spec.
 */
export async function hostBundle(options: HostBundleOptions = {}): Promise<HostBundle> {
  checkHostOptions(options)
  const layout: Layout = { mounts: [], directories: new Set(), files: [], links: [] }
  const mountPoints = await listMountPoints()
  for (const path of programDirectories) await addProgramDirectory(layout, path, mountPoints)
  for (const path of configFiles) await addConfigFile(layout, path, mountPoints)
  layout.mounts.push(memory('/tmp', '1777'), memory('/var/tmp', '1777'), memory('/run', '755'), memory('/root', '700'))

  const base = defaultSpec({ cgroupNamespace: await hasOnlyCgroup2() })
  const { args, env = [], cwd = '/', hostname = 'nrunc', rootless } = options
  const spec: Spec = {
    ...base,
    ...(base.process && {
      process: {
        ...base.process,
        terminal: args === undefined,
        args: [...(args ?? base.process.args)],
        env: mergeEnvironment([...(base.process.env ?? []), 'HOME=/root', ...env]),
        cwd,
      },
    }),
    hostname,
    mounts: [...(base.mounts ?? []), ...layout.mounts],
  }
  for (const { destination } of spec.mounts ?? []) {
    if (isBelowRoot(destination) && !layout.files.includes(destination)) addDirectory(layout.directories, destination)
  }
  return {
    spec: validateSpec(rootless === undefined ? spec : rootlessSpec(spec, rootless.uid, rootless.gid)),
    directories: [...layout.directories],
    files: layout.files,
    links: layout.links,
  }
}

/**
 * Write the bundle of {@link hostBundle}: `config.json` and `rootfs`, which must not exist or be empty.
 *
 * @param directory - The bundle; made when it does not exist.
 * @returns The spec that was written.
 * @throws NruncError ERR_OPTION_INVALID when there is a config.json already or the directory cannot be written;
 * ERR_CONFIG_INVALID when an option makes an invalid spec.
 * @example
 * await writeHostBundle('/tmp/first', { args: ['cat', '/etc/os-release'] })
 */
export async function writeHostBundle(directory: string, options: HostBundleOptions = {}): Promise<Spec> {
  const bundle = resolve(directory)
  const config = join(bundle, 'config.json')
  const rootfs = join(bundle, 'rootfs')
  if (await lstat(config).then(() => true, () => false)) {
    throw new NruncError('ERR_OPTION_INVALID', 'File config.json exists. Remove it first', { operand: config })
  }
  const { spec, directories, files, links } = await hostBundle(options)
  const undo: (() => Promise<void>)[] = []
  try {
    if (await mkdir(rootfs, { recursive: true })) undo.push(() => rmdir(rootfs))
    // Below anything else that stands here a link could lead what is made next out of the bundle.
    if (!(await lstat(rootfs)).isDirectory() || (await readdir(rootfs)).length > 0) {
      throw new NruncError('ERR_OPTION_INVALID', 'directory rootfs is not empty, remove it first', { operand: rootfs })
    }
    const make = async (path: string, how: Change, remove: Change) => {
      await how(join(rootfs, path))
      undo.unshift(() => remove(join(rootfs, path)))
    }
    for (const path of directories) await make(path, (name) => mkdir(name, 0o755), rmdir)
    for (const path of files) await make(path, (name) => writeFile(name, '', { flag: 'wx', mode: 0o644 }), unlink)
    for (const { path, target } of links) await make(path, (name) => symlink(target, name), unlink)
    await writeFile(config, `${stringifyJson(spec, '\t')}\n`, { flag: 'wx' })
  } catch (error) {
    for (const remove of undo) await remove().catch(() => undefined)
    if (error instanceof NruncError) throw error
    const { message, code, syscall, path } = error as NodeJS.ErrnoException
    const details = { errno: code, syscall, operand: path, cause: error }
    throw new NruncError('ERR_OPTION_INVALID', `cannot write bundle "${bundle}": ${message}`, details)
  }
  return spec
}

async function addProgramDirectory(layout: Layout, path: string, mountPoints: readonly string[]): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isSymbolicLink() === true) {
    addDirectory(layout.directories, dirname(path))
    layout.links.push({ path, target: await readlink(path) })
  } else if (found?.isDirectory() === true) {
    addDirectory(layout.directories, path)
    layout.mounts.push(bind(path, path, mountPoints))
  }
}

/** A link into /usr stays a link: /etc/localtime's target is the name of the time zone. Other links are followed. */
async function addConfigFile(layout: Layout, path: string, mountPoints: readonly string[]): Promise<void> {
  const source = await realpath(path).catch(() => undefined)
  const found = source === undefined ? undefined : await stat(source).catch(() => undefined)
  if (source === undefined || found === undefined) return
  if (source !== path && source.startsWith('/usr/')) {
    addDirectory(layout.directories, dirname(path))
    layout.links.push({ path, target: source })
    return
  }
  if (found.isDirectory()) {
    addDirectory(layout.directories, path)
  } else if (found.isFile()) {
    addDirectory(layout.directories, dirname(path))
    layout.files.push(path)
  } else {
    return
  }
  layout.mounts.push(bind(source, path, mountPoints))
}

/** With mounts below it the whole tree is bound, and made read-only as a whole: plain `ro` leaves those writable. */
function bind(source: string, destination: string, mountPoints: readonly string[]): Mount {
  const hasMounts = mountPoints.some((point) => point.startsWith(`${source}/`))
  const options = hasMounts
    ? ['rbind', 'ro', 'rro', 'nosuid', 'rnosuid', 'nodev', 'rnodev', 'rprivate']
    : ['bind', 'ro', 'nosuid', 'nodev', 'rprivate']
  return { destination, type: 'none', source, options }
}

function addDirectory(directories: Set<string>, path: string): void {
  if (path === '/') return
  addDirectory(directories, dirname(path))
  directories.add(path)
}

/** Not inside another mount of the spec: /dev/pts is made in the tmpfs of /dev. */
function isBelowRoot(destination: string): boolean {
  return !/^\/(dev|proc|sys)\//.test(destination)
}

function mergeEnvironment(entries: readonly string[]): string[] {
  return [...new Map(entries.map((entry) => [entry.split('=', 1)[0], entry])).values()]
}

/** Mount points of the caller's namespace. proc_pid_mountinfo(5): the fifth field, in which spaces are octal. */
async function listMountPoints(): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')
  return text.split('\n').map((line) => (line.split(' ')[4] ?? '').replaceAll(
    /\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))))
}

const CGROUP2_SUPER_MAGIC = 0x63677270

async function hasOnlyCgroup2(): Promise<boolean> {
  return statfs('/sys/fs/cgroup').then(({ type }) => type === CGROUP2_SUPER_MAGIC, () => false)
}
