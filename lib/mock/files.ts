/**
 * The files of a mock container: a map from path to content.
 */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { fileError, fileRefused } from '../files/failure.ts'
import type { FileData } from '../files/write.ts'
import type { Check } from '../options/in-time.ts'

/** Files by absolute path; directories are what files are in. */
export type MockFiles = Map<string, Buffer>

export const placeOf = (path: string): string => posix.resolve('/', path)

export function readMock(files: MockFiles, path: string, maxBytes = Infinity): Buffer {
  if (typeof path !== 'string') throw fileRefused('read', path, 'not a path')
  const content = files.get(placeOf(path))
  if (content === undefined) throw fileError('read', path, 'ENOENT', 'openat2')
  if (content.length > maxBytes) throw fileRefused('read', path, `it has more than ${maxBytes} bytes`)
  return content
}

export async function writeMock(files: MockFiles, path: string, data: FileData, check: Check): Promise<void> {
  const pieces: Uint8Array[] = []
  if (typeof data === 'string' || data instanceof Uint8Array) pieces.push(Buffer.from(data as string))
  else {
    for await (const piece of data) {
      check()
      pieces.push(Buffer.from(piece as string))
    }
  }
  files.set(placeOf(path), Buffer.concat(pieces))
}

export async function copyInMock(files: MockFiles, source: string, path: string, check: Check): Promise<void> {
  check()
  if (!(await stat(source)).isDirectory()) return void files.set(placeOf(path), await readFile(source))
  for (const name of await readdir(source)) await copyInMock(files, join(source, name), posix.join(path, name), check)
}

export async function copyOutMock(files: MockFiles, path: string, destination: string, check: Check): Promise<void> {
  const from = placeOf(path)
  const found = [...files].filter(([name]) => name === from || name.startsWith(from === '/' ? '/' : `${from}/`))
  if (found.length === 0) throw fileError('copy', path, 'ENOENT', 'openat2')
  for (const [name, content] of found) {
    check()
    const to = join(destination, name.slice(from.length))
    await mkdir(dirname(to), { recursive: true })
    await writeFile(to, content)
  }
}
