/**
 * Reading a file of a container.
 */
import { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { NruncError } from '../errors.ts'
import { type Check, type FileCallOptions, fileCallNames } from '../options/in-time.ts'
import { checkOptions } from '../options/options.ts'
import type { StateFile } from '../state/file.ts'
import { joined } from '../streams/joined.ts'
import { Turns } from '../turns.ts'
import { callOn } from './call.ts'
import { attempt, fileRefused } from './failure.ts'
import type { FileJobs, Handle, Opened } from './jobs.ts'
import type { ContainerRoot } from './root.ts'

/** What {@link Container.readFile} takes. */
export interface ReadFileOptions extends FileCallOptions {
  /** Without one the result is a Buffer. */
  readonly encoding?: BufferEncoding | undefined
  /** A larger file is an error. Default 67108864. */
  readonly maxBytes?: number | undefined
}

type Piece = Awaited<ReturnType<FileJobs['read']>>

const LIMIT = 64 * 1024 * 1024

/** Bytes that are read in one job: its copy is work for the main thread. */
const PIECE = 1 << 20

/** @throws NruncError ERR_FILE when the file has more than LIMIT bytes */
async function readAll({ jobs }: ContainerRoot, file: Opened, limit: number, path: string, check: Check): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let size = 0, last = false; !last;) {
    check()
    const { bytes, end } = await jobs.read(file, size, Math.min(limit - size + 1, PIECE))
    size += bytes.length
    if (size > limit) throw fileRefused('read', path, `it has more than ${limit} bytes`)
    pieces.push(bytes)
    last = end
  }
  return pieces.length === 1 ? pieces[0]! : await joined(pieces)
}

export async function readFile(state: StateFile, path: string, options: ReadFileOptions): Promise<Buffer | string> {
  checkOptions(options, new Set(['encoding', 'maxBytes', ...fileCallNames]))
  const { encoding, maxBytes = LIMIT } = options
  if (encoding !== undefined && !Buffer.isEncoding(encoding)) throw invalid('encoding', encoding)
  if (!(maxBytes >= 0)) throw invalid('maxBytes', maxBytes)
  return callOn(state, options, async (root, check) => {
    using file = await root.find('read', path)
    const bytes = await attempt('read', path, () => readAll(root, file, maxBytes, path, check))
    return encoding === undefined ? bytes : await decode(bytes, encoding)
  })
}

/** Bytes. */
const SLICE = 1 << 16

/** A long text is made bit by bit, because that is work for the main thread. */
async function decode(bytes: Buffer, encoding: BufferEncoding): Promise<string> {
  const decoder = new StringDecoder(encoding)
  const turns = new Turns()
  let text = ''
  for (let at = 0; at < bytes.length; at += SLICE) {
    text += decoder.write(bytes.subarray(at, at + SLICE))
    await turns.give()
  }
  return text + decoder.end()
}

/** Bytes that are read at once. */
const CHUNK = 1 << 18

/** A part of the file has been read when this resolves; whoever does not read it to the end destroys it. */
export async function readStream(state: StateFile, path: string, options: FileCallOptions): Promise<Readable> {
  checkOptions(options, new Set(fileCallNames))
  return callOn(state, options, async (root, check) => {
    const file = await root.find('read', path)
    try {
      const first = await attempt('read', path, () => root.jobs.read(file, 0, CHUNK))
      check()
      return new FileStream(root.jobs, file, path, first)
    } catch (error) {
      file[Symbol.dispose]()
      throw error
    }
  })
}

/** Who destroys it waits for no answer. */
class FileStream extends Readable {
  readonly #jobs: FileJobs
  readonly #file: Handle
  readonly #path: string
  #next: Piece | undefined
  #offset = 0

  constructor(jobs: FileJobs, file: Handle, path: string, first: Piece) {
    super()
    this.#jobs = jobs
    this.#file = file
    this.#path = path
    this.#next = first
  }

  override _read(): void {
    this.#piece().then(({ bytes, end }) => {
      this.#offset += bytes.length
      if (bytes.length > 0) this.push(bytes)
      if (end) this.push(null)
    }, (error: Error) => this.destroy(error))
  }

  async #piece(): Promise<Piece> {
    const first = this.#next
    this.#next = undefined
    return first ?? await attempt('read', this.#path, () => this.#jobs.read(this.#file, this.#offset, CHUNK))
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#file[Symbol.dispose]()
    done(error)
  }
}

const invalid = (name: string, value: unknown): NruncError =>
  new NruncError('ERR_OPTION_INVALID', `${name} cannot be ${JSON.stringify(value)}`, { operand: name })
