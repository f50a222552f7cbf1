/**
 * Small files of the kernel's, off the event loop. Opened, used and closed on a thread of the addon: Node forgets the
 * descriptor of an open(2) that is under way when a worker thread is terminated.
 */
import { job } from './addon.ts'
import { errnoMessage, errnoName } from './errno.ts'

/** What a file holds, or the symbolic errno of why it cannot be read. */
export type FileContent = { readonly text: string } | { readonly errno: string }

/** Each of PATHS with its content: an open, a read and a close for each. */
export async function readFiles<Path extends string | Buffer>(paths: readonly Path[]): Promise<Map<Path, FileContent>> {
  const { data } = await job((addon, id) => addon.readFiles(id, paths))
  let at = 0
  return new Map(paths.map((path) => {
    const length = data.readInt32LE(at)
    const start = at + 4
    at = start + Math.max(length, 0)
    return [path, length < 0 ? { errno: errnoName(-length) } : { text: data.toString('latin1', start, at) }]
  }))
}

/** The content of one. Rejects with an error that has the `code` of one of node:fs. */
export async function readText(path: string | Buffer): Promise<string> {
  const content = (await readFiles([path])).get(path)!
  if ('text' in content) return content.text
  throw Object.assign(new Error(`${content.errno}: ${path.toString()}`), { code: content.errno })
}

/** Write VALUE in a single write(2) to a file that is there. Rejects with an error that has what one of node:fs has. */
export async function writeText(path: string, value: string): Promise<void> {
  const { a, data } = await job((addon, id) => addon.writeFile(id, path, value))
  if (a === 0) return
  const [code, syscall] = [errnoName(-a), data.toString().replace('openat', 'open')]
  throw Object.assign(new Error(`${code}: ${errnoMessage(-a)}, ${syscall} '${path}'`), { code, errno: a, syscall, path })
}
