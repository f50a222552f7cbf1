/**
 * Writing a file of a container: beside its place, and then into it under its name, all at once. A link or a file of that
 * name is replaced and not followed; nobody sees half of it.
 */
import { randomBytes } from 'node:crypto'
import { NruncError } from '../errors.ts'
import { type FileCallOptions, fileCallNames } from '../options/in-time.ts'
import { checkOptions } from '../options/options.ts'
import type { StateFile } from '../state/file.ts'
import { cutOf } from '../streams/lines.ts'
import { callOn } from './call.ts'
import { attempt } from './failure.ts'

/** Whom a file belongs to, by ids of the container. */
export interface Owner {
  /** Ids as the container has them. */
  readonly uid: number
  readonly gid: number
}

/** What {@link Container.writeFile} takes. */
export interface WriteFileOptions extends FileCallOptions {
  /** Default 0o644. */
  readonly mode?: number | undefined
  /** Default root of the container: `{ uid: 0, gid: 0 }`. */
  readonly owner?: Owner | undefined
}

/** What a file is written from: text as UTF-8, bytes, or both piece by piece. */
export type FileData = string | Uint8Array | AsyncIterable<string | Uint8Array>

export async function writeFile(state: StateFile, path: string, data: FileData, options: WriteFileOptions): Promise<void> {
  checkOptions(options, new Set(['mode', 'owner', ...fileCallNames]))
  checkData(data)
  const { mode = 0o644, owner = { uid: 0, gid: 0 } } = options
  return callOn(state, options, async (root, check) => {
    const { jobs, uids, gids } = root
    const ids = { uid: uids.toHost(owner.uid), gid: gids.toHost(owner.gid) }
    const found = await root.findParent('write', path)
    using parent = found.parent
    const name = `.nrunc-${randomBytes(8).toString('hex')}`
    await attempt('write', path, async () => {
      using file = await jobs.createFile({ parent, name }, ids)
      try {
        for await (const piece of bytesOf(data)) {
          check()
          await jobs.append(file, piece)
        }
        await jobs.set(file, mode & 0o7777)
        check()
        await jobs.rename({ parent, name: found.name }, ids, name)
      } catch (error) {
        await jobs.remove({ parent, name }).catch(() => {})
        throw error
      }
    })
  })
}

/** @throws NruncError ERR_OPTION_INVALID */
export function checkData(data: unknown): void {
  if (typeof data === 'string') return
  if (typeof data === 'object' && data !== null && (data instanceof Uint8Array || Symbol.asyncIterator in data)) return
  throw new NruncError('ERR_OPTION_INVALID', 'data must be text, bytes or a stream of them', { operand: 'data' })
}

/** Of what a job takes: its copy, and the encoding of a text, are work for the main thread. */
const SLICE = 1 << 17

async function* bytesOf(data: FileData): AsyncGenerator<Uint8Array> {
  for await (const piece of typeof data === 'string' || data instanceof Uint8Array ? [data] : data) {
    yield* typeof piece === 'string' ? encoded(piece) : slices(piece)
  }
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE) yield bytes.subarray(at, at + SLICE)
}

function* encoded(text: string): Generator<Uint8Array> {
  for (let at = 0; at < text.length;) {
    const slice = text.slice(at, at + SLICE + 1)
    const end = cutOf(slice, SLICE)
    yield Buffer.from(slice.slice(0, end))
    at += end
  }
}
