/**
 * Making a file, directory or link that has its owner from its first moment.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { addon, job } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import { type Opened, pathOf } from './root.ts'

/** Ids as this process sees them. */
export interface Ids { readonly uid: number; readonly gid: number }

/** A name in a directory. */
export interface Place { readonly parent: Opened; readonly name: string | Buffer }

/** `host::EntryKind` in `addon/host/create.h`. */
const kinds = { file: 0, directory: 1, link: 2, renamed: 3 } as const

const syscalls = { file: 'openat', directory: 'mkdirat', link: 'symlinkat', renamed: 'renameat2' } as const

/** Undefined OWNER: whoever calls. Resolves to a descriptor for a file. @throws an error as those of node:fs */
async function create(kind: keyof typeof kinds, { parent, name }: Place, owner: Ids | undefined, target: string | Buffer): Promise<number> {
  const { a } = await job((native, id) => native.createEntry(
    id, parent.fd, Buffer.from(name as string), kinds[kind], Buffer.from(target as string), owner?.uid ?? -1, owner?.gid ?? -1))
  if (a >= 0) return a
  const code = errnoName(-a)
  throw Object.assign(new Error(`${code}: ${syscalls[kind]}`), { code, syscall: syscalls[kind] })
}

/** A new file, open for writing, mode 0600. A name that is taken is EEXIST. */
export async function createFile(place: Place, owner: Ids | undefined): Promise<FileHandle> {
  const fd = await create('file', place, owner, '')
  try {
    return await open(pathOf({ fd }), constants.O_WRONLY) // as an object of Node's own
  } finally {
    addon().close(fd)
  }
}

/** A new directory, mode 0700; false where the name is taken. */
export async function createDirectory(place: Place, owner: Ids | undefined): Promise<boolean> {
  return create('directory', place, owner, '').then(() => true, (error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return false
    throw error
  })
}

export async function createLink(place: Place, owner: Ids | undefined, target: Buffer): Promise<void> {
  await create('link', place, owner, target)
}

/** Give what is called NAME in the directory of PLACE its name; what has that one is replaced. */
export async function renameTo(place: Place, owner: Ids | undefined, name: string): Promise<void> {
  await create('renamed', place, owner, name)
}
