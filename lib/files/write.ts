/**
 * Writing a file of a container: beside its place, and then into it under its name, all at once. A link or a file of that
 * name is replaced and not followed; nobody sees half of it.
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, unlink } from 'node:fs/promises'
import { NruncError } from '../errors.ts'
import { checkOptions } from '../options/options.ts'
import { cutOf } from '../streams/lines.ts'
import { createFile, renameTo } from './create.ts'
import { attempt } from './failure.ts'
import { type ContainerRoot, entryOf } from './root.ts'

/** Whom a file belongs to, by ids of the container. */
export interface Owner {
  /** Ids as the container has them. */
  readonly uid: number
  readonly gid: number
}

/** What {@link Container.writeFile} takes. */
export interface WriteFileOptions {
  /** Default 0o644. */
  readonly mode?: number | undefined
  /** Default root of the container: `{ uid: 0, gid: 0 }`. */
  readonly owner?: Owner | undefined
}

/** What a file is written from: text as UTF-8, bytes, or both piece by piece. */
export type FileData = string | Uint8Array | AsyncIterable<string | Uint8Array>

export async function writeFile(root: ContainerRoot, path: string, data: FileData, options: WriteFileOptions): Promise<void> {
  checkOptions(options, new Set(['mode', 'owner']))
  checkData(data)
  const { mode = 0o644, owner = { uid: 0, gid: 0 } } = options
  const ids = { uid: root.uids.toHost(owner.uid), gid: root.gids.toHost(owner.gid) }
  const found = await root.findParent('write', path)
  using parent = found.parent
  const name = `.nrunc-${randomBytes(8).toString('hex')}`
  await attempt('write', path, async () => {
    const file = await createFile({ parent, name }, ids)
    try {
      try {
        await fill(file, data)
        await file.chmod(mode & 0o7777)
      } finally {
        await file.close()
      }
      await renameTo({ parent, name: found.name }, ids, name)
    } catch (error) {
      await unlink(entryOf(parent, name)).catch(() => {})
      throw error
    }
  })
}

/** @throws NruncError ERR_OPTION_INVALID */
export function checkData(data: unknown): void {
  if (typeof data === 'string') return
  if (typeof data === 'object' && data !== null && (data instanceof Uint8Array || Symbol.asyncIterator in data)) return
  throw new NruncError('ERR_OPTION_INVALID', 'data must be text, bytes or a stream of them', { operand: 'data' })
}

async function fill(file: FileHandle, data: FileData): Promise<void> {
  if (data instanceof Uint8Array) return file.writeFile(data)
  for await (const piece of typeof data === 'string' ? [data] : data) await write(file, piece)
}

/** Characters: a long text is encoded bit by bit, because that is work for the main thread. */
const SLICE = 1 << 17

async function write(file: FileHandle, piece: string | Uint8Array): Promise<void> {
  if (typeof piece !== 'string') return file.writeFile(piece)
  for (let at = 0; at < piece.length;) {
    const slice = piece.slice(at, at + SLICE + 1)
    const end = cutOf(slice, SLICE)
    await file.writeFile(slice.slice(0, end))
    at += end
  }
}
