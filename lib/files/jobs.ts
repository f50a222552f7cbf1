/**
 * What is done with files, each as one job on a thread of the addon's: a file system that a container serves itself (FUSE)
 * answers when it likes, or never, and libuv's few threads are the program's. Between two jobs there are descriptors of
 * O_PATH and of directories alone; to close one of them asks the file system nothing.
 */
import { constants } from 'node:fs'
import { type Addon, addon, job } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import { NotRegular } from './failure.ts'
import { inTurn } from './threads.ts'

/** Something that is open. */
export interface Opened { readonly fd: number }

/** A name in a directory; one component, of any bytes. */
export interface Place { readonly parent: Opened; readonly name: string | Buffer }

/** Ids as this process sees them. */
export interface Ids { readonly uid: number; readonly gid: number }

/** A descriptor of the addon's, closed by whoever has it. */
export class Handle implements Opened {
  readonly fd: number

  constructor(fd: number) {
    this.fd = fd
  }

  [Symbol.dispose](): void {
    addon().close(this.fd)
  }
}

/** O_PATH of what has a name, the link itself where it is one; it cannot become anything else. */
export class Found extends Handle implements Ids {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** For {@link FileJobs.set}. */
  readonly times: Buffer

  /** STATUS: `host::FileStatus` in `addon/host/file-job.h`. */
  constructor(fd: number, status: Buffer) {
    super(fd)
    this.mode = status.readUInt32LE(0)
    this.uid = status.readUInt32LE(4)
    this.gid = status.readUInt32LE(8)
    this.times = status.subarray(16)
  }

  is(type: 'S_IFDIR' | 'S_IFREG' | 'S_IFLNK'): boolean {
    return (this.mode & constants.S_IFMT) === constants[type]
  }
}

const O_PATH = 0o10000000
const O_CLOEXEC = 0o2000000

/** `host::FileJobKind` in `addon/host/file-job.h`. */
const kinds = { look: 0, enter: 1, list: 2, readLink: 3, read: 4, append: 5, copy: 6, set: 7, remove: 8 } as const

/** `host::EntryKind` in `addon/host/create.h`. */
const entries = { file: 0, directory: 1, link: 2, renamed: 3 } as const

/** Of an outcome; `Addon::FileJob` in `addon/binding/files.cc`. */
const END = 1
const OTHER = 2

const syscalls = { file: 'openat', directory: 'mkdirat', link: 'symlinkat', renamed: 'renameat2' } as const

interface Request {
  readonly name?: string | Buffer
  readonly target?: Opened
  readonly data?: Uint8Array
  readonly offset?: number
  readonly length?: number
}

const nothing: Buffer = Buffer.alloc(0)

/** Each rejects with an error that has `code` and `syscall` as those of node:fs. */
export class FileJobs {
  readonly #container: string | undefined

  /** CONTAINER: whose files, for the limit of its threads. None for files that no container answers for. */
  constructor(container?: string) {
    this.#container = container
  }

  /** PATH in the root directory ROOT, links followed inside of it. Opening has no effect on what it is. */
  async find(root: Opened, path: string, flags = 0): Promise<Handle> {
    return new Handle(await this.#call('openat2', (native, id) => native.openInside(id, root.fd, path, O_PATH | O_CLOEXEC | flags)))
  }

  async look({ parent, name }: Place): Promise<Found> {
    const { a, data } = await this.#run('look', parent, { name })
    return new Found(a, data)
  }

  /** For {@link list}; a link is ENOTDIR. */
  async enter({ parent, name }: Place): Promise<Handle> {
    return new Handle((await this.#run('enter', parent, { name })).a)
  }

  /** The next names; undefined at the end. */
  async list(directory: Opened): Promise<Buffer[] | undefined> {
    const { b, data } = await this.#run('list', directory)
    if ((b & END) !== 0) return undefined
    const names: Buffer[] = []
    for (let at = 0; at < data.length;) {
      const end = data.indexOf(0, at)
      names.push(data.subarray(at, end))
      at = end + 1
    }
    return names
  }

  async readLink({ parent, name }: Place): Promise<Buffer> {
    return (await this.#run('readLink', parent, { name })).data
  }

  /** At most LENGTH bytes from OFFSET; `end` when there are no more. Of what is no regular file: NotRegular. */
  async read(file: Opened, offset: number, length: number): Promise<{ readonly bytes: Buffer; readonly end: boolean }> {
    const { b, data } = await this.#run('read', file, { offset, length })
    return { bytes: data, end: (b & END) !== 0 }
  }

  async append(file: Opened, data: Uint8Array): Promise<void> {
    await this.#run('append', file, { data })
  }

  /** As {@link read}, to the end of TARGET. LENGTH: less than 2 GiB. */
  async copy(file: Opened, target: Opened, offset: number, length: number): Promise<{ readonly size: number; readonly end: boolean }> {
    const { a, b } = await this.#run('copy', file, { target, offset, length })
    return { size: a, end: (b & END) !== 0 }
  }

  /** Mode and times of what is open; no TIMES: as they are. */
  async set(file: Opened, mode: number, times = nothing): Promise<void> {
    await this.#run('set', file, { data: times, length: mode })
  }

  /** Times of what has a name, also of a link. */
  async setTimes({ parent, name }: Place, times: Buffer): Promise<void> {
    await this.#run('set', parent, { name, data: times })
  }

  /** Not of a directory. */
  async remove({ parent, name }: Place): Promise<void> {
    await this.#run('remove', parent, { name })
  }

  /**
   * A file (mode 0600), directory (0700) or link that has its owner from its first moment; undefined OWNER: whoever calls.
   * A name that is taken is EEXIST.
   */
  async createFile(place: Place, owner: Ids | undefined): Promise<Handle> {
    return new Handle(await this.#create('file', place, owner))
  }

  /** False where the name is taken. */
  async createDirectory(place: Place, owner: Ids | undefined): Promise<boolean> {
    return this.#create('directory', place, owner).then(() => true, (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    })
  }

  async createLink(place: Place, owner: Ids | undefined, text: Buffer): Promise<void> {
    await this.#create('link', place, owner, text)
  }

  /** Give what is called NAME in the directory of PLACE its name; what has that one is replaced. */
  async rename(place: Place, owner: Ids | undefined, name: string): Promise<void> {
    await this.#create('renamed', place, owner, Buffer.from(name))
  }

  #create(kind: keyof typeof entries, { parent, name }: Place, owner: Ids | undefined, text = nothing): Promise<number> {
    return this.#call(syscalls[kind], (native, id) => native.createEntry(
      id, parent.fd, Buffer.from(name as string), entries[kind], text, owner?.uid ?? -1, owner?.gid ?? -1))
  }

  async #call(syscall: string, start: (native: Addon, id: number) => void): Promise<number> {
    const { a } = await this.#inTurn(start)
    if (a < 0) throw failed(-a, syscall)
    return a
  }

  async #run(kind: keyof typeof kinds, file: Opened, { name = '', target, data = nothing, offset = 0, length = 0 }: Request = {}) {
    const done = await this.#inTurn((native, id) => native.fileJob(
      id, kinds[kind], file.fd, target?.fd ?? -1, Buffer.from(name as string), data, offset, length))
    if (done.a < 0) throw failed(-done.a, done.data.toString())
    if ((done.b & OTHER) !== 0) throw new NotRegular()
    return done
  }

  #inTurn(start: (native: Addon, id: number) => void): ReturnType<typeof job> {
    return this.#container === undefined ? job(start) : inTurn(this.#container, () => job(start))
  }
}

function failed(errno: number, syscall: string): NodeJS.ErrnoException {
  const code = errnoName(errno)
  return Object.assign(new Error(`${code}: ${syscall}`), { code, syscall })
}
