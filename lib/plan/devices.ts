/**
 * `linux.devices`, the default devices and links. Source: runtime-spec config-linux.md "Devices", "Default Devices",
 * mknod(2).
 */
import type { Device, Spec } from '../spec/schema.ts'
import { pointer } from '../spec/pointer.ts'
import type { NamespacePlan } from './namespaces.ts'
import type { Operation } from './operations.ts'

const fileTypes = { c: 0o020000, u: 0o020000, b: 0o060000, p: 0o010000 } as const

/** Path, major and minor of what every container has; mode 0666. */
const defaultDevices = [
  ['/dev/null', 1, 3], ['/dev/random', 1, 8], ['/dev/full', 1, 7], ['/dev/tty', 5, 0], ['/dev/zero', 1, 5],
  ['/dev/urandom', 1, 9],
] as const

/** Their paths. */
export const defaultDevicePaths: readonly string[] = defaultDevices.map(([path]) => path)

const defaultLinks = [
  ['/dev/fd', '/proc/self/fd'], ['/dev/stdin', '/proc/self/fd/0'], ['/dev/stdout', '/proc/self/fd/1'],
  ['/dev/stderr', '/proc/self/fd/2'],
] as const

/** In a user namespace mknod is refused but for FIFOs, and the host's nodes are bound instead. */
export function planDevices(spec: Spec, namespaces: NamespacePlan): Operation[] {
  const bind = namespaces.has('user') ? 1 : 0
  const configured = (spec.linux?.devices ?? []).map((device, index) => makeDevice(device, index, bind))
  const paths = new Set(spec.linux?.devices?.map(({ path }) => path))
  const defaults = defaultDevices.filter(([path]) => !paths.has(path)).map(([path, major, minor]): Operation =>
    ({ op: 'makeDevice', field: '', path, mode: 0o020666, major, minor, uid: 0, gid: 0, bind }))
  const links = defaultLinks.map(([path, target]): Operation => ({ op: 'makeSymlink', field: '', path, target, replace: 0 }))
  return [
    ...defaults, ...configured, ...links,
    { op: 'makeSymlink', field: '', path: '/dev/ptmx', target: 'pts/ptmx', replace: 1 },
  ]
}

const makeDevice = ({ path, type, major = 0, minor = 0, fileMode = 0o666, uid = 0, gid = 0 }: Device, index: number, bind: number): Operation => ({
  op: 'makeDevice', field: pointer('linux', 'devices', index), path, mode: fileTypes[type] | (fileMode & 0o7777),
  major: Number(major), minor: Number(minor), uid, gid, bind: type === 'p' ? 0 : bind,
})
