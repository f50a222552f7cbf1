/**
 * The root directory of a running container, from outside. A path of the container is resolved once, by the kernel,
 * inside that root (openat2 RESOLVE_IN_ROOT, without the links of /proc); after that only the descriptor counts, with
 * single names below it. Whatever the container does with its links and directories in the meantime, no path leads out
 * of it (class of CVE-2018-15664 and CVE-2019-14271, both of `docker cp`).
 */
import { constants } from 'node:fs'
import { NruncError } from '../errors.ts'
import { addon } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import type { StateFile } from '../state/file.ts'
import { isAlive } from '../state/status.ts'
import { attempt, fileError, fileRefused } from './failure.ts'
import { IdMap } from './ids.ts'
import { FileJobs, Handle } from './jobs.ts'

export class ContainerRoot extends Handle {
  readonly jobs: FileJobs
  readonly uids: IdMap
  readonly gids: IdMap

  private constructor(fd: number, jobs: FileJobs, uids: IdMap, gids: IdMap) {
    super(fd)
    this.jobs = jobs
    this.uids = uids
    this.gids = gids
  }

  /** @throws NruncError ERR_STATUS when the container has ended; ERR_FILE */
  static of({ id, init_process_pid: pid, init_process_start: start }: StateFile): ContainerRoot {
    const stopped = (): NruncError => new NruncError('ERR_STATUS', 'cannot use the files of a stopped container', { operand: id })
    const fd = addon().openRoot(pid, String(start))
    if (fd < 0) throw errnoName(-fd) === 'ESRCH' ? stopped() : fileError('open the root directory of', id, errnoName(-fd), 'openat')
    try {
      const root = new ContainerRoot(fd, new FileJobs(`${pid} ${start}`), IdMap.of(pid, 'uid'), IdMap.of(pid, 'gid'))
      if (!isAlive(pid, start)) throw stopped() // the maps could be another process's
      return root
    } catch (error) {
      addon().close(fd)
      throw error
    }
  }

  /** What PATH names, links followed inside the root. Opening has no effect on what it is. @throws NruncError ERR_FILE */
  async find(verb: string, path: string, flags = 0, shown = path): Promise<Handle> {
    requirePath(verb, shown, path)
    return await attempt(verb, shown, () => this.jobs.find(this, path, flags))
  }

  /** The directory that PATH is in, and its last component. @throws NruncError ERR_FILE, also for `/`, `.` and `..` */
  async findParent(verb: string, path: string): Promise<{ readonly parent: Handle; readonly name: string }> {
    requirePath(verb, path, path)
    const trimmed = path.replace(/\/+$/, '')
    const at = trimmed.lastIndexOf('/') + 1
    const name = trimmed.slice(at)
    if (['', '.', '..'].includes(name)) throw fileRefused(verb, path, 'it has no name of its own')
    return { parent: await this.find(verb, trimmed.slice(0, at) || '/', constants.O_DIRECTORY, path), name }
  }
}

/** Also of its last component: to the kernel a name ends where its zero byte is, and another file would be written. */
function requirePath(verb: string, shown: string, path: string): void {
  if (typeof path !== 'string' || path.includes('\0') || path === '') throw fileRefused(verb, shown, 'not a path')
}
