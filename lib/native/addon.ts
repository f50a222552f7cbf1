/**
 * Loads the addon, and declares what it exports (`addon/binding`). Calls that can fail return `-errno`.
 */
import { createRequire } from 'node:module'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { now } from '../clock.ts'
import { NruncError } from '../errors.ts'
import { isOver } from '../turns.ts'
import { errnoName } from './errno.ts'

/** What arrives at the dispatcher: the id given with the request, the kind, and values that depend on the kind. */
export type Dispatcher = (id: number, type: number, a: number, b: number, data?: Buffer, data2?: Buffer) => void

/** What {@link Addon.probe} tries out. */
export type KernelFeature =
  | 'clone3' | 'cloneIntoCgroup' | 'userNamespace' | 'openat2' | 'openTree' | 'mountSetattr' | 'pidfdOpen' | 'closeRange' | 'initImage'

export interface Addon {
  start(dispatcher: Dispatcher): number
  /** Whether awaited events keep the event loop alive. */
  hold(on: boolean): void
  /** The next event; false where there is none. To be asked for after each event, until it is. */
  next(dispatcher: Dispatcher): boolean
  /** A number for {@link Addon.spawn} or {@link Addon.dropClone}: init with new namespaces, for a plan that is still being made. */
  cloneAhead(flags: number, bare: boolean): number
  dropClone(id: number, clone: number): void
  /** To be followed by {@link Addon.plan} in the same turn of the event loop. STATE: a plan of `stageState` alone, or empty. CLONE: negative for none. COUNTS: a file whose content comes with the end, or empty. */
  spawn(id: number, hostPlan: Uint8Array, descriptors: readonly number[], state: Uint8Array, go: boolean, clone: number, counts: string): number
  plan(initPlan: Uint8Array): void
  probe(): Readonly<Record<KernelFeature, number>>
  prepareCgroup(id: number, plan: Uint8Array): void
  /** Another plan for an init that waits for one. */
  sendPlan(id: number, pid: number, plan: Uint8Array, descriptors: readonly number[]): number
  /** Have so many network namespaces ready. */
  keepNetworks(count: number): void
  takeNetwork(): number
  bareMounts(id: number): void
  watch(id: number, pid: number, startTime: string): number
  openChannel(id: number, path: string): number
  send(id: number): number
  signal(id: number, signal: number): number
  signalPid(pid: number, startTime: string, signal: number): number
  forget(id: number): void
  /** Off: the processes that end stay zombies, see {@link Addon.reap}. */
  setReaping(on: boolean): void
  reap(pid: number): void
  /**
   * OUTPUT and ERROR are descriptors, or -1 for what is to be handed back. CANCEL is the read end of a pipe, or -1: when its
   * other end is closed the time of the program has run out.
   */
  command(
    id: number, path: string, args: readonly string[], env: readonly string[], directory: string, input: string, timeoutMs: number,
    output: number, error: number, cancel: number,
  ): void
  /**
   * Start a program that is talked to through a socket, its descriptor 3; DESCRIPTORS become 0, 1, 2 and 4 and so on. With
   * a SOURCE: in a mount namespace of its own where that is mounted on TARGET.
   */
  openSession(id: number, path: string, args: readonly string[], env: readonly string[], descriptors: readonly number[], source: string, target: string, readonly: boolean, keyring: string): void
  /** Send a message (none when it is empty), and get the next one with the descriptor that comes along. */
  exchange(id: number, socket: number, message: Uint8Array): void
  /** Wait for the end of a child that is nobody else's to wait for. */
  awaitChild(id: number, pid: number): void
  /** Tell `id` of what happens to a cgroup until it is forgotten; `host::NotifyKind` in `addon/host/notify.h`. */
  notify(id: number, kind: number, paths: readonly string[], argument: string): number
  /** Tell `id` of every system call that a filter has trapped until it is forgotten. Takes the listener over. */
  watchTrapped(id: number, listener: number): number
  /** Of `id` of {@link Addon.watchTrapped}; FLAGS: SECCOMP_USER_NOTIF_FLAG_*. */
  answerCall(id: number, call: bigint, value: bigint, errno: number, flags: number): number
  addDescriptor(id: number, watched: number, call: bigint, descriptor: number, number: number, closeOnExec: boolean, answer: boolean): void
  readMemory(id: number, watched: number, call: bigint, pid: number, address: bigint, length: number): void
  readFiles(id: number, paths: readonly (string | Uint8Array)[]): void
  writeFile(id: number, path: string, value: string): void
  setDeviceProgram(id: number, path: string, program: Uint8Array): void
  bindNotify(directory: string, name: string): number
  /** Takes the socket over. */
  relayReady(id: number, socket: number, pid: number, startTime: string, manager: string, mainPid: string): void
  removeDirectories(id: number, paths: readonly string[]): void
  /**
   * Closes LOCK when it has removed all; otherwise it stays the caller's. -1: takes it, and looks whether PROCESS is still
   * what the state says.
   */
  removeContainer(id: number, cgroups: readonly string[], directory: string, lock: number, process: string): void
  /** FRESH: -ENOTEMPTY for a directory in which there is something. */
  lock(directory: string, fresh: boolean): number
  lockWait(id: number, directory: string, fresh: boolean): void
  mkfifo(path: string, mode: number): number
  /** Both ends are closed at the end of the environment at the latest; a stream of Node may close one before. */
  pipe(): [number, number]
  /** For descriptors that came from the addon; those of node:fs are closed there. */
  close(fd: number): number
  /** For a descriptor that came from the addon: a stream of Node closes it from now on. */
  handOver(fd: number): void
  connect(path: string): number
  /** Send data with a descriptor through a connected socket. Both stay the caller's. */
  sendDescriptor(socket: number, data: string, descriptor: number): number
  descriptorFlags(fd: number): number
  /** O_PATH descriptor of the root directory of a process. */
  openRoot(pid: number, startTime: string): number
  /** A path inside a root: openat2, RESOLVE_IN_ROOT. */
  openInside(id: number, root: number, path: string, flags: number): void
  /** KIND as `host::FileJobKind` in `addon/host/file-job.h`. TARGET: of a copy, else -1. */
  fileJob(id: number, kind: number, file: number, target: number, name: Uint8Array, data: Uint8Array, offset: number, length: number): void
  /** KIND as `host::EntryKind` in `addon/host/create.h`; ids as this process sees them, -1 for its own. */
  createEntry(id: number, directory: number, name: Uint8Array, kind: number, target: Uint8Array, uid: number, gid: number): void
  /** How much can be read from a pipe; ioctl FIONREAD. */
  pendingBytes(fd: number): number
  setWindowSize(fd: number, rows: number, columns: number): number
}

/** The kinds of events; the same numbers as `host::EventType` in `addon/host/events.h`. */
export const EVENT = {
  spawned: 1, ready: 2, created: 3, failed: 4, console: 5, closed: 6, exited: 7, started: 8, done: 9,
  notified: 10, listener: 11, trapped: 12,
} as const

/** The package's own directory: the one above this file that has package.json, in the sources as in the bundle. */
function packageRoot(): string {
  // `node -e` gives every module a global __dirname, which is `.`.
  const known = typeof __dirname === 'string' && __dirname.startsWith('/')
  let directory = known ? __dirname : dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(directory, 'package.json')) && directory !== '/') directory = dirname(directory)
  return directory
}

function load(): Addon {
  const root = packageRoot()
  const require = createRequire(join(root, 'package.json'))
  try {
    const built = join(root, 'build/Release/nrunc.node')
    // A build of one's own comes first, as node-gyp-build has it, without its search of the directories.
    return (existsSync(built) ? require(built) : require('node-gyp-build')(root)) as Addon
  } catch (cause) {
    const looked = `${process.platform}-${process.arch}, Node-API ${process.versions['napi']}, Node.js ${process.versions.node}`
    throw new NruncError('ERR_NATIVE', `cannot load the native addon: no binary for ${looked} in ${join(root, 'prebuilds')} or ${join(root, 'build')}: ${firstLine(cause)}`, { cause })
  }
}

const firstLine = (error: unknown): string => String((error as Error).message).split('\n')[0]!

const nothing = Buffer.alloc(0)
let loaded: Addon | undefined
const handlers = new Map<number, (type: number, a: number, b: number, data: Buffer, data2: Buffer) => void>()
let lastId = 0
let held = 0

/** The addon, loaded and started on the first call. */
export function addon(): Addon {
  if (loaded !== undefined) return loaded
  const native = load()
  const started = native.start(receive)
  if (started < 0) {
    const errno = errnoName(-started)
    throw new NruncError('ERR_NATIVE', `cannot start the native addon: ${errno}`, { errno })
  }
  loaded = native
  return loaded
}

/** When the first event of this turn came; 0 before. */
let begun = 0
let proceeding = false

function receive(id: number, type: number, a: number, b: number, data: Buffer = nothing, data2: Buffer = nothing): void {
  if (begun === 0) begun = now()
  if (!proceeding) {
    proceeding = true
    void Promise.resolve().then(() => process.nextTick(proceed))
  }
  handlers.get(id)?.(type, a, b, data, data2)
}

/** After all that an event has brought about: the next one, in this turn of the event loop or in the next. */
function proceed(): void {
  proceeding = false
  const late = isOver(begun)
  if (!late && loaded!.next(receive)) return
  begun = 0
  if (late) setImmediate(() => loaded!.next(receive))
}

/** Get the events of a new id. */
export function subscribe(handler: (type: number, a: number, b: number, data: Buffer, data2: Buffer) => void): number {
  addon()
  const id = ++lastId
  handlers.set(id, handler)
  return id
}

export function unsubscribe(id: number): void {
  handlers.delete(id)
}

/** Keep the event loop alive until {@link letGo} was called as often. */
export function hold(): void {
  if (held++ === 0) addon().hold(true)
}

export function letGo(): void {
  if (--held === 0) addon().hold(false)
}

/** The one event that ends a job of the addon. */
export function job(start: (addon: Addon, id: number) => void): Promise<{ a: number; b: number; data: Buffer; data2: Buffer }> {
  return new Promise((resolve) => {
    const id = subscribe((_type, a, b, data, data2) => {
      unsubscribe(id)
      letGo()
      resolve({ a, b, data, data2 })
    })
    hold()
    start(addon(), id)
  })
}
