/**
 * The cgroups that a container has made below its own. Their names are its choice: any bytes, and so many deep that the
 * path is longer than a system call takes. Who walks them must find all of them, or processes hide there from `kill`.
 */
import { closeSync, constants, openSync, readdirSync } from 'node:fs'
import { open, readdir } from 'node:fs/promises'

export type Path = string | Buffer

/** Bytes; a longer path goes on from a descriptor. With a name of 255 bytes more it is below PATH_MAX. */
const LONG = 2048
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

const listing = { withFileTypes: true, encoding: 'buffer' } as const

/** A file or child of a cgroup. */
export function below(directory: Path, name: string | Buffer): Path {
  const text = name.toString()
  if (typeof directory === 'string' && Buffer.from(text).equals(Buffer.from(name as string))) return `${directory}/${text}`
  return Buffer.concat([Buffer.from(directory as string), Buffer.from('/'), Buffer.from(name as string)])
}

/** Call VISIT with each child, one after the other: there may be more of them than descriptors. */
export async function eachChild(directory: Path, visit: (child: Path) => Promise<void>): Promise<void> {
  const handle = directory.length > LONG ? await open(directory, DIRECTORY) : undefined
  try {
    const from = handle === undefined ? directory : `/proc/self/fd/${handle.fd}`
    for (const entry of await readdir(from, listing)) {
      if (entry.isDirectory()) await visit(below(from, entry.name))
    }
  } finally {
    await handle?.close()
  }
}

/** The same for who cannot wait. */
export function eachChildSync(directory: Path, visit: (child: Path) => void): void {
  const fd = directory.length > LONG ? openSync(directory, DIRECTORY) : undefined
  try {
    const from = fd === undefined ? directory : `/proc/self/fd/${fd}`
    for (const entry of readdirSync(from, listing)) {
      if (entry.isDirectory()) visit(below(from, entry.name))
    }
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
