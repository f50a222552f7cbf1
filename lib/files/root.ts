/**
 * The root directory of a running container, from outside. A path of the container is resolved once, by the kernel,
 * inside that root (openat2 RESOLVE_IN_ROOT, without the links of /proc); after that only the descriptor counts, with
 * single names below it. Whatever the container does with its links and directories in the meantime, no path leads out
 * of it (class of CVE-2018-15664 and CVE-2019-14271, both of `docker cp`).
 */
import { constants } from 'node:fs'
import { NruncError } from '../errors.ts'
import { addon, job } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import type { StateFile } from '../state/file.ts'
import { isAlive } from '../state/status.ts'
import { fileError, fileRefused } from './failure.ts'
import { IdMap } from './ids.ts'

const O_PATH = 0o10000000
const O_CLOEXEC = 0o2000000

/** Something that is open. */
export interface Opened { readonly fd: number }

/** A path for node:fs that means this very file: a link of this process's own /proc. */
export const pathOf = ({ fd }: Opened): string => `/proc/self/fd/${fd}`

/** The same for an entry of a directory. NAME is one component, of any bytes. */
export const entryOf = (directory: Opened, name: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${pathOf(directory)}/`), Buffer.from(name as string)])

/** An O_PATH descriptor, closed by whoever has it. */
export class Handle implements Opened {
  readonly fd: number

  constructor(fd: number) {
    this.fd = fd
  }

  [Symbol.dispose](): void {
    addon().close(this.fd)
  }
}

export class ContainerRoot extends Handle {
  readonly uids: IdMap
  readonly gids: IdMap

  private constructor(fd: number, uids: IdMap, gids: IdMap) {
    super(fd)
    this.uids = uids
    this.gids = gids
  }

  /** @throws NruncError ERR_STATUS when the container has ended; ERR_FILE */
  static of({ id, init_process_pid: pid, init_process_start: start }: StateFile): ContainerRoot {
    const stopped = (): NruncError => new NruncError('ERR_STATUS', 'cannot use the files of a stopped container', { operand: id })
    const fd = addon().openRoot(pid, String(start))
    if (fd < 0) throw errnoName(-fd) === 'ESRCH' ? stopped() : fileError('open the root directory of', id, errnoName(-fd), 'openat')
    try {
      const root = new ContainerRoot(fd, IdMap.of(pid, 'uid'), IdMap.of(pid, 'gid'))
      if (!isAlive(pid, start)) throw stopped() // the maps could be another process's
      return root
    } catch (error) {
      addon().close(fd)
      throw error
    }
  }

  /** What PATH names, links followed inside the root. Opening has no effect on what it is. @throws NruncError ERR_FILE */
  async find(verb: string, path: string, flags = 0, shown = path): Promise<Handle> {
    if (typeof path !== 'string' || path.includes('\0') || path === '') throw fileRefused(verb, shown, 'not a path')
    const { a: fd } = await job((native, id) => native.openInside(id, this.fd, path, O_PATH | O_CLOEXEC | flags))
    if (fd < 0) throw fileError(verb, shown, errnoName(-fd), 'openat2')
    return new Handle(fd)
  }

  /** The directory that PATH is in, and its last component. @throws NruncError ERR_FILE, also for `/`, `.` and `..` */
  async findParent(verb: string, path: string): Promise<{ readonly parent: Handle; readonly name: string }> {
    if (typeof path !== 'string') throw fileRefused(verb, path, 'not a path')
    const trimmed = path.replace(/\/+$/, '')
    const at = trimmed.lastIndexOf('/') + 1
    const name = trimmed.slice(at)
    if (['', '.', '..'].includes(name)) throw fileRefused(verb, path, 'it has no name of its own')
    return { parent: await this.find(verb, trimmed.slice(0, at) || '/', constants.O_DIRECTORY, path), name }
  }
}
