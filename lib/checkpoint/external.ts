/**
 * What of a container belongs to the outside: mounts of the host's files, and namespaces of others. A checkpoint has only
 * their names; a restore says what they mean. Pure but for links and inodes, which are looked up.
 */
import { readlinkSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { cgroupHost } from '../cgroup/detect.ts'
import type { CgroupLayout } from '../cgroup/layout.ts'
import { cgroupMountOperations } from '../cgroup/mount.ts'
import { NruncError } from '../errors.ts'
import { defaultDevicePaths } from '../plan/devices.ts'
import { namespaceFiles } from '../plan/namespaces.ts'
import { pointer } from '../spec/pointer.ts'
import type { Mount, Spec } from '../spec/schema.ts'

export interface ExternalMount {
  /** In the container. */
  readonly destination: string
  /** Of the host. */
  readonly source: string
}

export const isBindMount = ({ options = [] }: Mount): boolean =>
  options.some((option) => option === 'bind' || option === 'rbind') && !options.includes('remount')

/** The mounts of files of the host; nodes of devices are among them, because a user namespace gets them bound. */
export function externalMounts(spec: Spec, bundle: string, layout: CgroupLayout): ExternalMount[] {
  const namespaces = new Set(spec.linux?.namespaces?.map(({ type }) => type))
  const mounts = (spec.mounts ?? []).flatMap((mount, index): ExternalMount[] => {
    const { destination, source = '', type } = mount
    if (isBindMount(mount)) return [{ destination, source: posix.resolve(bundle, source) }]
    if (type !== 'cgroup' && type !== 'cgroup2') return []
    return cgroupMountOperations(cgroupHost(), layout, mount, index, { cgroupNamespace: namespaces.has('cgroup') })
      .flatMap((one) => (one.op === 'bindMount' ? [{ destination: one.destination, source: one.source }] : []))
  })
  const devices = [...defaultDevicePaths, ...spec.linux?.devices?.map(({ path }) => path) ?? []]
  return [...mounts, ...[...new Set(devices)].map((path) => ({ destination: path, source: path }))]
}

/** As many links as the kernel follows; path_resolution(7). */
const linksMax = 40

/**
 * Where PATH leads inside ROOT, links followed there, as an absolute path of the container. A name for criu: nothing is
 * opened by it.
 */
export function resolveInside(root: string, path: string): string {
  let links = 0
  let done = '/'
  const rest = path.split('/')
  while (rest.length > 0) {
    const name = rest.shift()!
    if (name === '' || name === '.') continue
    const next = posix.join(done, name)
    const target = name === '..' ? undefined : linkAt(root + next)
    if (target === undefined || ++links > linksMax) {
      done = next
      continue
    }
    if (target.startsWith('/')) done = '/'
    rest.unshift(...target.split('/'))
  }
  return done
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined // no link, or nothing there yet
  }
}

/** Both of them are left alone by criu; the word stands for the namespace in the images. */
const leftAlone = { network: { word: 'extRootNetNS', since: 31100 }, pid: { word: 'extRootPidNS', since: 31500 } } as const

interface LeftAlone {
  /** JSON pointer of the namespace. */
  readonly field: string
  readonly type: 'network' | 'pid'
  readonly path: string
  readonly word: string
}

function namespacesLeftAlone(spec: Spec, version: number): LeftAlone[] {
  return (spec.linux?.namespaces ?? []).flatMap(({ type, path = '' }, index): LeftAlone[] => {
    if (path === '' || (type !== 'network' && type !== 'pid')) return []
    const { word, since } = leftAlone[type]
    if (version >= since) return [{ field: pointer('linux', 'namespaces', index, 'path'), type, path, word }]
    const message = `criu lacks support for external ${namespaceFiles[type]} namespace (version ${version}, needs ${since})`
    throw new NruncError('ERR_CRIU', message, { field: pointer('linux', 'namespaces', index), operand: path })
  })
}

/** criu_opts.external for a checkpoint. @throws NruncError ERR_CRIU where criu is too old, ERR_CONFIG_INVALID for one that is gone */
export const externalNamespaces = (spec: Spec, version: number): string[] =>
  namespacesLeftAlone(spec, version).map(({ field, type, path, word }) => {
    try {
      return `${namespaceFiles[type]}[${statSync(path).ino}]:${word}`
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      throw new NruncError('ERR_CONFIG_INVALID', `cannot look at the namespace ${path}: ${code} (field ${field})`, { field, errno: code, operand: path, cause })
    }
  })

/** The namespaces that a restored container enters. */
export interface RestoredNamespaces {
  /** Given to criu as descriptors. */
  readonly inherited: readonly { readonly key: string; readonly path: string; readonly field: string }[]
  /** criu_opts.join_ns. */
  readonly joined: readonly { readonly type: string; readonly path: string }[]
}

/** @throws NruncError ERR_CRIU where criu is too old, ERR_CONFIG_UNSUPPORTED for a kind that it cannot enter */
export function restoredNamespaces(spec: Spec, version: number): RestoredNamespaces {
  const joined = (spec.linux?.namespaces ?? []).flatMap(({ type, path = '' }, index) => {
    if (path === '' || type === 'network' || type === 'pid') return []
    if (type !== 'cgroup' && type !== 'time') return [{ type: namespaceFiles[type], path }]
    const field = pointer('linux', 'namespaces', index)
    throw new NruncError('ERR_CONFIG_UNSUPPORTED', `criu cannot restore a container into a given ${type} namespace (field ${field})`, { field, operand: path })
  })
  return { inherited: namespacesLeftAlone(spec, version).map(({ word, path, field }) => ({ key: word, path, field })), joined }
}

/** The file with settings that win over the request; `undefined` for none. criu(8), "Configuration files". */
export function configFile({ annotations }: Spec, exists: (path: string) => boolean): string | undefined {
  const annotated = annotations?.['org.criu.config']
  if (annotated !== undefined) return annotated === '' ? undefined : annotated
  return ['/etc/criu/nrunc.conf', '/etc/criu/runc.conf'].find((path) => exists(path))
}
