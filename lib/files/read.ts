/**
 * Reading a file of a container.
 */
import { constants, fstat } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { promisify } from 'node:util'
import { NruncError } from '../errors.ts'
import { checkOptions } from '../options/options.ts'
import { Turns } from '../turns.ts'
import { attempt, fileRefused } from './failure.ts'
import { type ContainerRoot, type Opened, pathOf } from './root.ts'

/** What {@link Container.readFile} takes. */
export interface ReadFileOptions {
  /** Without one the result is a Buffer. */
  readonly encoding?: BufferEncoding | undefined
  /** A larger file is an error. Default 67108864. */
  readonly maxBytes?: number | undefined
}

const LIMIT = 64 * 1024 * 1024

const status = promisify(fstat)

/**
 * Open for reading what HANDLE (of O_PATH) is. Only a regular file: opening a device has effects, and a FIFO lets its
 * reader wait. What is looked at and what is opened is the descriptor, and not a name. A lease that the container has on
 * the file (fcntl(2), F_SETLEASE) is EAGAIN: without O_NONBLOCK a thread of Node's would wait 45 s for its end.
 */
export async function openRegular(handle: Opened, verb: string, path: string): Promise<FileHandle> {
  if (!(await status(handle.fd)).isFile()) throw fileRefused(verb, path, 'not a regular file')
  return open(pathOf(handle), constants.O_RDONLY | constants.O_NONBLOCK)
}

/**
 * At most LIMIT bytes of a file, most often in one piece: putting pieces together would be work for the main thread.
 *
 * @throws NruncError ERR_FILE when it has more
 */
async function readAll(file: FileHandle, limit: number, path: string): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  const expected = Math.min((await file.stat()).size, limit)
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.max(expected - size, 65536)))
    if (bytesRead === 0) return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    size += bytesRead
    if (size > limit) throw fileRefused('read', path, `it has more than ${limit} bytes`)
    pieces.push(buffer.subarray(0, bytesRead))
  }
}

export async function readFile(root: ContainerRoot, path: string, options: ReadFileOptions): Promise<Buffer | string> {
  checkOptions(options, new Set(['encoding', 'maxBytes']))
  const { encoding, maxBytes = LIMIT } = options
  if (encoding !== undefined && !Buffer.isEncoding(encoding)) throw invalid('encoding', encoding)
  if (!(maxBytes >= 0)) throw invalid('maxBytes', maxBytes)
  using handle = await root.find('read', path)
  return await attempt('read', path, async () => {
    await using file = await openRegular(handle, 'read', path)
    const bytes = await readAll(file, maxBytes, path)
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

/** It is open when this resolves; whoever does not read it to the end destroys it. */
export async function readStream(root: ContainerRoot, path: string): Promise<Readable> {
  using handle = await root.find('read', path)
  return await attempt('read', path, async () => (await openRegular(handle, 'read', path)).createReadStream())
}

const invalid = (name: string, value: unknown): NruncError =>
  new NruncError('ERR_OPTION_INVALID', `${name} cannot be ${JSON.stringify(value)}`, { operand: name })
