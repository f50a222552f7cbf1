/**
 * Many small files of the kernel's at once, off the event loop.
 */
import { job } from './addon.ts'
import { errnoName } from './errno.ts'

/** What a file holds, or the symbolic errno of why it cannot be read. */
export type FileContent = { readonly text: string } | { readonly errno: string }

/** Each of PATHS with its content: an open, a read and a close for each. */
export async function readFiles(paths: readonly string[]): Promise<Map<string, FileContent>> {
  const { data } = await job((addon, id) => addon.readFiles(id, paths))
  let at = 0
  return new Map(paths.map((path) => {
    const length = data.readInt32LE(at)
    const start = at + 4
    at = start + Math.max(length, 0)
    return [path, length < 0 ? { errno: errnoName(-length) } : { text: data.toString('latin1', start, at) }]
  }))
}
