/**
 * The steps from a taken id and a checkpoint to a container that goes on, and the way back from wherever they fail. criu
 * makes the processes; the first of them becomes a child of this process. Loaded only when it is asked for.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Bundle, checkSpec, loadSpec, refuseHostNamespaces } from '../bundle/bundle.ts'
import { cgroupFiles, cgroupHost } from '../cgroup/detect.ts'
import { cgroupPlanner, disposeCgroup } from '../cgroup/driver.ts'
import type { CgroupLayout } from '../cgroup/layout.ts'
import { cgroupOperations, type CgroupOperations } from '../cgroup/operations.ts'
import type { OomRecord } from '../cgroup/oom-record.ts'
import { cgroupOwner } from '../cgroup/owner.ts'
import { killCgroup } from '../cgroup/processes.ts'
import { removeEmptyCgroups } from '../cgroup/remove.ts'
import { Container } from '../container/container.ts'
import type { CreationSettings } from '../start/creation.ts'
import { NruncError } from '../errors.ts'
import { hostFacts, isRootless } from '../bundle/facts.ts'
import { runHookFunctions, runHooks } from '../start/hooks.ts'
import { addon } from '../native/addon.ts'
import { leavesProcesses } from '../native/child.ts'
import { errnoName } from '../native/errno.ts'
import { prepareCgroup } from '../native/prepare.ts'
import { awaitExit, type Ended, signalProcess } from '../native/watch.ts'
import { encode } from '../plan/encode.ts'
import { rootfsPath } from '../plan/rootfs.ts'
import { writePidFile } from '../container/process.ts'
import { connectSockets, type Sockets } from '../streams/socket.ts'
import { requireProcess } from '../spec/validate.ts'
import { describeState } from '../state/describe.ts'
import { removeDirectory } from '../state/directory.ts'
import { publishState, stageState, type StateFile } from '../state/file.ts'
import { recordOf } from '../state/record.ts'
import { startTimeOf } from '../state/status.ts'
import { Descriptors } from '../streams/stdio.ts'
import type { Terminal } from '../streams/terminal.ts'
import { Criu, firstDescriptor, type Notification, requireCriu, requireFeature } from './criu.ts'
import { configFile, externalMounts, resolveInside, type RestoredNamespaces, restoredNamespaces } from './external.ts'
import { CheckpointFiles } from './files.ts'
import { makeMountPoints } from './mount-points.ts'
import type { RestoreOptions } from './options.ts'
import { restoreRequest } from './requests.ts'
import { refuseUnrestorable, requireLsm } from './unrestorable.ts'

const logFile = 'restore.log'
const SIGKILL = 9

interface Place extends CreationSettings {
  /** The state directory of the container. */
  readonly directory: string
  readonly root: string
  readonly id: string
}

/** The config that the options name. @throws NruncError ERR_CONFIG_READ, ERR_CONFIG_PARSE, ERR_CONFIG_INVALID */
export function restoreBundle({ bundle = '.', spec }: RestoreOptions): Bundle {
  const path = resolve(bundle)
  const made = { path, spec: spec === undefined ? loadSpec(path) : checkSpec(spec) }
  requireProcess(made.spec)
  refuseHostNamespaces(made.spec)
  refuseUnrestorable(made.spec)
  return made
}

export class Restoration {
  readonly #place: Place
  readonly #bundle: Bundle
  readonly #options: RestoreOptions
  readonly #opened: number[] = []
  #sockets: Sockets = {}
  #descriptors: Descriptors | undefined
  #layout: CgroupLayout | undefined
  #oomRecord: OomRecord | undefined
  #files: CheckpointFiles | undefined
  #criu: Criu | undefined
  #pid = 0
  #exit: Promise<Ended> | undefined
  #staged: StateFile | undefined
  #master: number | undefined
  #terminal: Terminal | null = null

  constructor(place: Place, bundle: Bundle, options: RestoreOptions) {
    this.#place = place
    this.#bundle = bundle
    this.#options = options
  }

  /** @throws NruncError ERR_CRIU, ERR_CGROUP, ERR_HOOK, ERR_OPTION_INVALID; nothing stays then */
  async run(): Promise<Container> {
    const mountPoint = join(this.#place.directory, 'criu-root')
    try {
      const { namespaces, files } = await this.#look()
      const { spec, path } = this.#bundle
      const terminal = spec.process?.terminal ?? false
      this.#sockets = await connectSockets(this.#options, terminal)
      this.#descriptors = new Descriptors(this.#options, terminal)
      const streams = files.readDescriptors()
      const cgroups = await this.#makeCgroups()
      await makeMountPoints(spec, rootfsPath(spec, path), path)
      mkdirSync(mountPoint, 0o700)
      const descriptors = namespaces.inherited.map(({ path: namespace, field }) => this.#openNamespace(namespace, field))
      const criu = this.#criu = await Criu.start({
        stdio: terminal ? undefined : this.#descriptors.given.stdio.map((slot) => this.#descriptors!.list[slot]!), descriptors,
        keyring: `_ses.${this.#place.id}`,
        // criu forgets that the root of a container was read-only (its issue 2632).
        mount: { source: rootfsPath(spec, path), target: mountPoint, readonly: spec.root?.readonly ?? false },
      })
      files.reopenIn(criu.pid)
      await this.#enterCgroups(criu.pid, cgroups)
      const inherited = [
        ...namespaces.inherited.map(({ key }, at) => ({ key, fd: firstDescriptor + at })),
        ...streams.flatMap((key, fd) => (key.includes('pipe:') ? [{ key, fd }] : [])),
      ]
      await criu.ask(restoreRequest(this.#options, {
        imagesDirFd: files.imagesDirFd, workDirFd: files.workDirFd, logFile, root: mountPoint,
        configFile: configFile(spec, existsSync), mounts: this.#mounts(), cgroupRoots: cgroupRoots(criu.pid),
        joinNamespaces: namespaces.joined, inherited, hasMasks: (spec.linux?.maskedPaths?.length ?? 0) > 0,
      }), (notification) => this.#hear(notification))
      await this.#endCriu()
      rmdirSync(mountPoint)
      return await this.#publish()
    } catch (error) {
      const explained = this.#files?.explain(error) ?? error
      await this.#undo(explained)
      throw explained
    } finally {
      this.#files?.close()
      for (const fd of this.#opened.splice(0)) closeSync(fd)
      if (this.#sockets.console !== undefined) addon().close(this.#sockets.console)
    }
  }

  /** What can be known before anything is made. */
  async #look(): Promise<{ readonly namespaces: RestoredNamespaces; readonly files: CheckpointFiles }> {
    const version = await requireCriu()
    requireLsm(this.#options, version)
    const namespaces = restoredNamespaces(this.#bundle.spec, version)
    if (this.#options.lazyPages) await requireFeature('lazyPages')
    return { namespaces, files: this.#files = new CheckpointFiles(this.#options, logFile) }
  }

  #openNamespace(path: string, field: string): number {
    try {
      const fd = openSync(path, 'r')
      this.#opened.push(fd)
      return fd
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      throw new NruncError('ERR_CONFIG_INVALID', `requested namespace ${path} cannot be opened: ${code} (field ${field})`, { field, errno: code, operand: path, cause })
    }
  }

  async #makeCgroups(): Promise<CgroupOperations> {
    const { cgroupManager, rootless, id } = this.#place
    const { linux, process } = this.#bundle.spec
    const host = cgroupHost()
    const planner = await cgroupPlanner(cgroupManager, isRootless(rootless))
    const layout = this.#layout = planner.layout(host, { id, cgroupsPath: linux?.cgroupsPath, resources: linux?.resources })
    const operations = cgroupOperations(host, layout, linux?.resources, {
      devices: linux?.devices, has: cgroupFiles(host), owner: () => (hostFacts().uid === 0 ? cgroupOwner(this.#bundle.spec, process!) : undefined),
    })
    if (layout.scope === undefined) await prepareCgroup(encode(operations.prepare))
    return operations
  }

  /** criu itself, so that what it starts is born there; whatever it says of cgroups is relative to its own. */
  async #enterCgroups(pid: number, { limits, prepare }: CgroupOperations): Promise<void> {
    const { scope, paths } = this.#layout!
    if (scope !== undefined) {
      const [{ startScope }, { recordOom }] = await Promise.all([import('../cgroup/systemd/driver.ts'), import('../cgroup/oom-record.ts')])
      await startScope(scope, { id: this.#place.id, pid, limits, annotations: this.#bundle.spec.annotations })
      this.#oomRecord = recordOom(paths)
      await prepareCgroup(encode(prepare))
      return
    }
    for (const path of new Set(Object.values(paths))) {
      const file = join(path, 'cgroup.procs')
      try {
        writeFileSync(file, String(pid), { flag: 'r+' })
      } catch (cause) {
        const { code, message } = cause as NodeJS.ErrnoException
        throw new NruncError('ERR_CGROUP', `cannot enter the cgroup: ${message}`, { errno: code, operand: file, cause })
      }
    }
  }

  #mounts(): { destination: string; source: string }[] {
    const { spec, path } = this.#bundle
    const rootfs = rootfsPath(spec, path)
    return externalMounts(spec, path, this.#layout!).map(({ destination, source }) => ({ destination: resolveInside(rootfs, destination), source }))
  }

  async #hear({ script, pid, descriptor }: Notification): Promise<void> {
    if (pid > 0) this.#pid = pid
    switch (script) {
      case 'setup-namespaces': return this.#runHooks(pid)
      case 'orphan-pts-master': return this.#takeMaster(descriptor)
      case 'post-restore': return this.#stage(pid)
      default: if (descriptor !== undefined) addon().close(descriptor)
    }
  }

  /** As at a creation, when the namespaces are there. */
  async #runHooks(pid: number): Promise<void> {
    const { hooks } = this.#bundle.spec
    const creating = describeState(this.#place.directory, this.#record(pid), 'creating')
    await runHooks(hooks?.prestart, 'prestart', creating)
    await runHookFunctions(this.#options.hooks, 'prestart', creating)
    await runHooks(hooks?.createRuntime, 'createRuntime', creating)
    await runHookFunctions(this.#options.hooks, 'createRuntime', creating)
  }

  #takeMaster(master: number | undefined): void {
    if (master === undefined) throw new NruncError('ERR_CRIU', 'criu has a terminal for nobody: no descriptor came along')
    const { console } = this.#sockets
    if (console === undefined) {
      this.#master = master
      return
    }
    const result = addon().sendDescriptor(console, '/dev/ptmx', master)
    addon().close(master)
    if (result < 0) throw new NruncError('ERR_NATIVE', `cannot send the terminal: ${errnoName(-result)}`, { syscall: 'sendmsg', errno: errnoName(-result) })
  }

  /** From here on the processes are there, stopped; they go on when criu is told to. */
  #stage(pid: number): void {
    this.#staged = this.#record(pid)
    this.#exit = this.#follow(pid, String(this.#staged.init_process_start))
    stageState(this.#place.directory, this.#staged)
  }

  #record(pid: number): StateFile {
    const { path, spec } = this.#bundle
    return recordOf({ pid, startTime: startTimeOf(pid) }, {
      id: this.#place.id, bundle: path, spec, layout: this.#layout!, resctrl: undefined, options: {}, descriptors: this.#descriptors!,
    })
  }

  /** It is a child of this process, which is the one to reap it, unless that is left to whoever inherits it. */
  async #follow(pid: number, startTime: string): Promise<Ended> {
    const ended = await awaitExit(pid, startTime)
    if (!leavesProcesses()) addon().reap(pid)
    return ended
  }

  async #endCriu(): Promise<void> {
    const ended = await this.#criu!.end()
    this.#criu = undefined
    if (ended !== undefined) throw new NruncError('ERR_CRIU', `criu failed: ${ended}`)
    if (this.#staged === undefined) throw new NruncError('ERR_CRIU', 'criu has not said what it restored')
  }

  async #publish(): Promise<Container> {
    const state = this.#staged!
    publishState(this.#place.directory)
    if (this.#master !== undefined) {
      const { Terminal } = await import('../streams/terminal.ts')
      this.#terminal = new Terminal(this.#master)
      this.#master = undefined
    }
    const descriptors = this.#descriptors!
    const terminal = this.#terminal
    descriptors.handOver()
    writePidFile(this.#options.pidFile, state.init_process_pid)
    void this.#exit!.then(() => {
      descriptors.finish()
      terminal?.finish()
    })
    return new Container(this.#place.root, state, {
      exit: this.#exit, streams: descriptors.streams, terminal, oomRecord: this.#oomRecord, hooks: this.#options.hooks,
    })
  }

  /** What cannot be removed does not hide why. */
  async #undo(reason: unknown): Promise<void> {
    const attempt = async (work: () => unknown): Promise<void> => {
      try {
        await work()
      } catch (error) {
        process.emitWarning(error as Error)
      }
    }
    this.#descriptors?.abandon()
    this.#terminal?.destroy()
    if (this.#master !== undefined) addon().close(this.#master)
    if (this.#criu !== undefined) await attempt(() => this.#criu!.end({ kill: true }))
    if (this.#staged !== undefined) signalProcess(this.#pid, String(this.#staged.init_process_start), SIGKILL)
    const { paths = {}, scope } = this.#layout ?? {}
    // A cgroup that could not be made may be another container's.
    const foreign = reason instanceof NruncError && ['makeCgroup', 'startUnit'].includes(reason.step ?? '')
    if (foreign) await attempt(() => (scope === undefined ? removeEmptyCgroups(paths) : undefined))
    else if (this.#layout !== undefined) {
      await attempt(() => killCgroup(paths))
      await attempt(() => this.#reap())
      await attempt(() => disposeCgroup(paths, scope))
    }
    await attempt(() => removeDirectory(this.#place.directory))
  }

  /** criu ends what it has made when it fails, but the first of it is this process's child. */
  async #reap(): Promise<void> {
    if (this.#exit !== undefined) await this.#exit
    if (this.#pid > 0) addon().reap(this.#pid)
  }
}

/** Where criu is now, by controller. cgroups(7), /proc/PID/cgroup. */
const cgroupRoots = (pid: number): { controller: string; path: string }[] =>
  readFileSync(`/proc/${pid}/cgroup`, 'latin1').trim().split('\n').flatMap((line) => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    return controllers.split(',').map((controller) => ({ controller, path }))
  })
