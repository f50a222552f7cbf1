/**
 * Copying files and directories into a container and out of it. Both sides are walked by descriptor, one name at a time
 * and without following a link: what the container changes meanwhile can make a copy wrong, but cannot lead it elsewhere,
 * neither in the container nor on the host.
 */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { NruncError } from '../errors.ts'
import { type Check, type FileCallOptions, fileCallNames } from '../options/in-time.ts'
import { checkText } from '../options/option-types.ts'
import { checkOptions } from '../options/options.ts'
import type { StateFile } from '../state/file.ts'
import { callOn } from './call.ts'
import { attempt, fileRefused } from './failure.ts'
import type { FileJobs, Found, Ids, Place } from './jobs.ts'
import type { Owner } from './write.ts'

/** What `copyIn` and `copyOut` take. */
export interface CopyOptions extends FileCallOptions {
  /**
   * Who owns the copies. In the container: ids of the container, or `'keep'` for those of the host read as such; default
   * root. On the host: `'keep'` for those that the container sees; default: whoever calls.
   */
  readonly owner?: Owner | 'keep' | undefined
  /** More than this is an error, and what was copied by then stays. Default 1073741824. */
  readonly maxBytes?: number | undefined
  /** Files, directories and links. Default 100000. */
  readonly maxEntries?: number | undefined
}

/** Each level holds three descriptors. */
const DEEPEST = 200

/** Bytes that are copied in one job: what an abort waits for. */
const PIECE = 8 * 1024 * 1024

const O_PATH = 0o10000000

interface Copy {
  readonly jobs: FileJobs
  /** Owner of the copy; undefined leaves whoever copies. */
  readonly owner: (status: Ids) => Ids | undefined
  /** Bits of the mode that the copy may have. */
  readonly modes: number
  readonly check: Check
  bytes: number
  entries: number
}

export async function copyIn(state: StateFile, source: string, path: string, options: CopyOptions): Promise<void> {
  const limits = limitsOf(options)
  checkText('source', source)
  const { owner = { uid: 0, gid: 0 } } = options
  return callOn(state, options, async (root, check) => {
    const inside = ({ uid, gid }: Ids): Ids => ({ uid: root.uids.toHost(uid), gid: root.gids.toHost(gid) })
    const fixed = owner === 'keep' ? undefined : inside(owner)
    const target = await root.findParent('copy to', path)
    using parent = target.parent
    await attempt('copy', source, async () => {
      await using directory = await open(dirname(resolve(source)), O_PATH | constants.O_DIRECTORY)
      const from = { parent: directory, name: basename(resolve(source)) }
      const copy = { ...limits, jobs: root.jobs, check, modes: 0o7777, owner: (status: Ids) => fixed ?? inside(status) }
      await copyEntry(from, { parent, name: target.name }, copy, source)
    })
  })
}

export async function copyOut(state: StateFile, path: string, destination: string, options: CopyOptions): Promise<void> {
  const limits = limitsOf(options)
  checkText('destination', destination)
  const { owner } = options
  if (owner !== undefined && owner !== 'keep') throw invalid('owner', owner)
  return callOn(state, options, async (root, check) => {
    const keep = ({ uid, gid }: Ids): Ids => ({ uid: root.uids.fromHost(uid), gid: root.gids.fromHost(gid) })
    const source = await root.findParent('copy', path)
    using parent = source.parent
    await attempt('copy', path, async () => {
      await using directory = await open(dirname(resolve(destination)), O_PATH | constants.O_DIRECTORY)
      const to = { parent: directory, name: basename(resolve(destination)) }
      // A program with set-user-ID of the container's making would be one of the host's.
      const copy = { ...limits, jobs: root.jobs, check, modes: 0o1777, owner: owner === 'keep' ? keep : () => undefined }
      await copyEntry({ parent, name: source.name }, to, copy, path)
    })
  })
}

function limitsOf(options: CopyOptions): Pick<Copy, 'bytes' | 'entries'> {
  checkOptions(options, new Set(['owner', 'maxBytes', 'maxEntries', ...fileCallNames]))
  const { maxBytes = 2 ** 30, maxEntries = 100_000 } = options
  if (!(maxBytes >= 0)) throw invalid('maxBytes', maxBytes)
  if (!(maxEntries >= 0)) throw invalid('maxEntries', maxEntries)
  return { bytes: maxBytes, entries: maxEntries }
}

async function copyEntry(from: Place, to: Place, copy: Copy, label: string, depth = 0): Promise<void> {
  copy.check()
  if (--copy.entries < 0) throw fileRefused('copy', label, 'there are more entries than maxEntries allows')
  if (depth > DEEPEST) throw fileRefused('copy', label, `it is more than ${DEEPEST} directories deep`)
  await attempt('copy', label, async () => {
    using source = await copy.jobs.look(from)
    if (source.is('S_IFDIR')) await copyDirectory(source, to, copy, label, depth)
    else if (source.is('S_IFREG')) await copyFile(source, to, copy, label)
    else if (source.is('S_IFLNK')) await copyLink(from, source, to, copy)
    else throw fileRefused('copy', label, 'neither file, directory nor symbolic link')
  })
}

async function copyDirectory(source: Found, to: Place, copy: Copy, label: string, depth: number): Promise<void> {
  const { jobs } = copy
  const made = await jobs.createDirectory(to, copy.owner(source))
  using target = await jobs.enter(to)
  using directory = await jobs.enter({ parent: source, name: '.' })
  // In parts: a file system of the container's own may have a directory without an end.
  for (let names = await jobs.list(directory); names !== undefined; names = await jobs.list(directory)) {
    for (const name of names) await copyEntry({ parent: directory, name }, { parent: target, name }, copy, `${label}/${name.toString()}`, depth + 1)
  }
  if (made) await jobs.set(target, source.mode & copy.modes, source.times)
}

async function copyFile(source: Found, to: Place, copy: Copy, label: string): Promise<void> {
  const { jobs } = copy
  using target = await inPlace(jobs, to, () => jobs.createFile(to, copy.owner(source)))
  for (let offset = 0, last = false; !last;) {
    // What comes, and not what the file said: it may grow, or be endless.
    const { size, end } = await jobs.copy(source, target, offset, Math.min(copy.bytes + 1, PIECE))
    copy.bytes -= size
    if (copy.bytes < 0) throw fileRefused('copy', label, 'there are more bytes than maxBytes allows')
    copy.check()
    offset += size
    last = end
  }
  await jobs.set(target, source.mode & copy.modes, source.times)
}

/** A link stays one, with the same text, wherever it leads. */
async function copyLink(from: Place, source: Found, to: Place, { jobs, owner }: Copy): Promise<void> {
  const text = await jobs.readLink(from)
  await inPlace(jobs, to, () => jobs.createLink(to, owner(source), text))
  await jobs.setTimes(to, source.times)
}

/** MAKE, in the place of the file or link of that name; a directory stays, and is an error. */
async function inPlace<T>(jobs: FileJobs, place: Place, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  await jobs.remove(place)
  return await make()
}

const invalid = (name: string, value: unknown): NruncError =>
  new NruncError('ERR_OPTION_INVALID', `${name} cannot be ${JSON.stringify(value)}`, { operand: name })
