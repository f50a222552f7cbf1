/**
 * Copying files and directories into a container and out of it. Both sides are walked by descriptor, one name at a time
 * and without following a link: what the container changes meanwhile can make a copy wrong, but cannot lead it elsewhere,
 * neither in the container nor on the host.
 */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lutimes, open, opendir, readlink, unlink } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { NruncError } from '../errors.ts'
import { checkText } from '../options/option-types.ts'
import { checkOptions } from '../options/options.ts'
import { createDirectory, createFile, createLink, type Ids, type Place } from './create.ts'
import { attempt, fileRefused } from './failure.ts'
import { openRegular } from './read.ts'
import { type ContainerRoot, entryOf, pathOf } from './root.ts'
import type { Owner } from './write.ts'

/** What `copyIn` and `copyOut` take. */
export interface CopyOptions {
  /**
   * Who owns the copies. In the container: ids of the container, or `'keep'` for those of the host read as such; default
   * root. On the host: `'keep'` for those that the container sees; default: whoever calls.
   */
  readonly owner?: Owner | 'keep' | undefined
  /** More than this is an error, and what was copied by then stays. Default 1073741824. */
  readonly maxBytes?: number | undefined
  /** Files, directories and links. Default 100000. */
  readonly maxEntries?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Each level holds two descriptors. */
const DEEPEST = 200
const O_PATH = 0o10000000
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants

interface Copy {
  /** Owner of the copy; undefined leaves whoever copies. */
  readonly owner: (status: Ids) => Ids | undefined
  /** Bits of the mode that the copy may have. */
  readonly modes: number
  readonly signal: AbortSignal | undefined
  bytes: number
  entries: number
}

export async function copyIn(root: ContainerRoot, source: string, path: string, options: CopyOptions): Promise<void> {
  const copy = begin(options)
  checkText('source', source)
  const { owner = { uid: 0, gid: 0 } } = options
  const inside = ({ uid, gid }: Ids): Ids => ({ uid: root.uids.toHost(uid), gid: root.gids.toHost(gid) })
  const fixed = owner === 'keep' ? undefined : inside(owner)
  const target = await root.findParent('copy to', path)
  using parent = target.parent
  await attempt('copy', source, async () => {
    await using directory = await open(dirname(resolve(source)), O_PATH | O_DIRECTORY)
    const from = { parent: directory, name: basename(resolve(source)) }
    await copyEntry(from, { parent, name: target.name }, { ...copy, modes: 0o7777, owner: (status) => fixed ?? inside(status) }, source)
  })
}

export async function copyOut(root: ContainerRoot, path: string, destination: string, options: CopyOptions): Promise<void> {
  const copy = begin(options)
  checkText('destination', destination)
  const { owner } = options
  if (owner !== undefined && owner !== 'keep') throw invalid('owner', owner)
  const keep = ({ uid, gid }: Ids): Ids => ({ uid: root.uids.fromHost(uid), gid: root.gids.fromHost(gid) })
  const source = await root.findParent('copy', path)
  using parent = source.parent
  await attempt('copy', path, async () => {
    await using directory = await open(dirname(resolve(destination)), O_PATH | O_DIRECTORY)
    const to = { parent: directory, name: basename(resolve(destination)) }
    // A program with set-user-ID of the container's making would be one of the host's.
    await copyEntry({ parent, name: source.name }, to, { ...copy, modes: 0o1777, owner: owner === 'keep' ? keep : () => undefined }, path)
  })
}

function begin(options: CopyOptions): Pick<Copy, 'bytes' | 'entries' | 'signal'> {
  checkOptions(options, new Set(['owner', 'maxBytes', 'maxEntries', 'signal']))
  const { maxBytes = 2 ** 30, maxEntries = 100_000, signal } = options
  if (!(maxBytes >= 0)) throw invalid('maxBytes', maxBytes)
  if (!(maxEntries >= 0)) throw invalid('maxEntries', maxEntries)
  return { bytes: maxBytes, entries: maxEntries, signal }
}

async function copyEntry(from: Place, to: Place, copy: Copy, label: string, depth = 0): Promise<void> {
  if (copy.signal?.aborted) throw new NruncError('ERR_ABORTED', 'the call was aborted', { cause: copy.signal.reason })
  if (--copy.entries < 0) throw fileRefused('copy', label, 'there are more entries than maxEntries allows')
  if (depth > DEEPEST) throw fileRefused('copy', label, `it is more than ${DEEPEST} directories deep`)
  await attempt('copy', label, async () => {
    // Held fast without following a link or waking a device; what it is cannot change any more.
    await using source = await open(entryOf(from.parent, from.name), O_PATH | O_NOFOLLOW)
    const status = await source.stat()
    if (status.isDirectory()) await copyDirectory(source, to, status, copy, label, depth)
    else if (status.isFile()) await copyFile(source, to, status, copy, label)
    else if (status.isSymbolicLink()) await copyLink(from, to, status, copy)
    else throw fileRefused('copy', label, 'neither file, directory nor symbolic link')
  })
}

async function copyDirectory(
  source: FileHandle, to: Place, status: Stats, copy: Copy, label: string, depth: number,
): Promise<void> {
  const made = await createDirectory(to, copy.owner(status))
  // A link that stands in the way (CVE-2018-15664) is not a directory.
  await using target = await open(entryOf(to.parent, to.name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  // Entry by entry: a file system of the container's own may have a directory without an end.
  const entries = await opendir(pathOf(source), { encoding: 'buffer' as BufferEncoding })
  for await (const { name } of entries as AsyncIterable<{ readonly name: string | Buffer }>) {
    await copyEntry({ parent: source, name }, { parent: target, name }, copy, `${label}/${name.toString()}`, depth + 1)
  }
  if (made) await finish(target, status, copy)
}

async function copyFile(source: FileHandle, to: Place, status: Stats, copy: Copy, label: string): Promise<void> {
  await using from = await openRegular(source, 'copy', label)
  await makeRoom(to)
  await using target = await createFile(to, copy.owner(status))
  for (;;) {
    const { bytesRead, buffer } = await from.read(Buffer.allocUnsafe(65536))
    if (bytesRead === 0) break
    copy.bytes -= bytesRead // what comes, and not what the file said: it may grow, or be endless
    if (copy.bytes < 0) throw fileRefused('copy', label, 'there are more bytes than maxBytes allows')
    if (copy.signal?.aborted) throw new NruncError('ERR_ABORTED', 'the call was aborted', { cause: copy.signal.reason })
    await target.writeFile(buffer.subarray(0, bytesRead))
  }
  await finish(target, status, copy)
}

/** A link stays one, with the same text, wherever it leads. */
async function copyLink(from: Place, to: Place, status: Stats, copy: Copy): Promise<void> {
  const text = await readlink(entryOf(from.parent, from.name), { encoding: 'buffer' })
  await makeRoom(to)
  await createLink(to, copy.owner(status), text)
  await lutimes(entryOf(to.parent, to.name), status.atime, status.mtime)
}

/** Take away the file or link of that name; a directory stays, and is an error. */
async function makeRoom({ parent, name }: Place): Promise<void> {
  await unlink(entryOf(parent, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

async function finish(target: FileHandle, status: Stats, copy: Copy): Promise<void> {
  await target.chmod(status.mode & copy.modes)
  await target.utimes(status.atime, status.mtime)
}

const invalid = (name: string, value: unknown): NruncError =>
  new NruncError('ERR_OPTION_INVALID', `${name} cannot be ${JSON.stringify(value)}`, { operand: name })
