/**
 * Mount points in the root file system of a container that is to be restored: those that its creation would make, and
 * criu does not. The root file system is hostile: each step is resolved by the kernel inside of it.
 */
import { chmodSync, closeSync, constants, openSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { NruncError } from '../errors.ts'
import { FileJobs, type Handle, type Opened } from '../files/jobs.ts'
import { pointer } from '../spec/pointer.ts'
import type { Spec } from '../spec/schema.ts'
import { isBindMount } from './external.ts'

const O_PATH = 0o10000000
const jobs = new FileJobs()

/** @throws NruncError ERR_CRIU with the field of a mount whose mount point cannot be made */
export async function makeMountPoints({ mounts = [] }: Spec, rootfs: string, bundle: string): Promise<void> {
  const root = { fd: openRoot(rootfs) }
  try {
    for (const [index, mount] of mounts.entries()) {
      const path = posix.resolve('/', mount.destination)
      // criu restores what is in a tmpfs; what is in a mount is not in the root file system.
      const covered = mounts.some((other) => other !== mount && path.startsWith(`${posix.resolve('/', other.destination)}/`))
      if (covered) continue
      const source = posix.resolve(bundle, mount.source ?? '')
      const file = isBindMount(mount) && statSync(source, { throwIfNoEntry: false })?.isDirectory() === false
      await makeMountPoint(root, path, file).catch((cause: unknown) => {
        const { code, message } = cause as NodeJS.ErrnoException
        const field = pointer('mounts', index, 'destination')
        throw new NruncError('ERR_CRIU', `cannot make the mount point ${path}: ${message} (field ${field})`, { field, errno: code, operand: path, cause })
      })
    }
  } finally {
    closeSync(root.fd)
  }
}

function openRoot(rootfs: string): number {
  try {
    return openSync(rootfs, O_PATH | constants.O_DIRECTORY)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new NruncError('ERR_CONFIG_INVALID', `cannot open the root file system: ${message}`, { field: '/root/path', errno: code, operand: rootfs, cause })
  }
}

async function find(root: Opened, path: string): Promise<Handle | undefined> {
  return jobs.find(root, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

/** PATH has no links of its own making: what exists may be one, and leads to where it leads inside the root. */
async function makeMountPoint(root: Opened, path: string, file: boolean): Promise<void> {
  const there = await find(root, path)
  if (there !== undefined) return there[Symbol.dispose]()
  const above = posix.dirname(path)
  await makeMountPoint(root, above, false)
  const parent = await find(root, above)
  if (parent === undefined) throw Object.assign(new Error(`ENOENT: ${above}`), { code: 'ENOENT' })
  try {
    const place = { parent, name: posix.basename(path) }
    if (file) (await jobs.createFile(place, undefined))[Symbol.dispose]()
    else await jobs.createDirectory(place, undefined)
    const made = await find(root, path)
    if (made === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
    try {
      chmodSync(`/proc/self/fd/${made.fd}`, 0o755)
    } finally {
      made[Symbol.dispose]()
    }
  } finally {
    parent[Symbol.dispose]()
  }
}
