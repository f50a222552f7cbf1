/**
 * The entry of the library: making, finding and listing containers below one state root.
 */
import { randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import { cgroupFiles, cgroupHost } from './cgroup/detect.ts'
import { layoutCgroup } from './cgroup/layout.ts'
import { removeCgroup, removeEmptyCgroups } from './cgroup/remove.ts'
import { checkSpec, loadSpec, refuseHostSysctl } from './bundle.ts'
import { Container } from './container.ts'
import { NruncError } from './errors.ts'
import { endChild } from './exec.ts'
import { hostFacts } from './facts.ts'
import { writeHostBundle } from './host-bundle.ts'
import { runHooks } from './hooks.ts'
import { addon } from './native/addon.ts'
import { Child } from './native/child.ts'
import { errnoName } from './native/errno.ts'
import { type CreateOptions, refuseUnknown } from './options.ts'
import { compile } from './plan/compile.ts'
import { namespaceFiles } from './plan/namespaces.ts'
import { rootfsPath } from './plan/rootfs.ts'
import { takeTerminal, writePidFile } from './process.ts'
import type { Spec } from './spec/schema.ts'
import { requireProcess } from './spec/validate.ts'
import { checkId, checkRoot, containerDirectory, containerIds, defaultRoot, removeDirectory, takeDirectory } from './state/directory.ts'
import { publishState, readState, stageState, type StateFile } from './state/file.ts'
import { withLock } from './state/lock.ts'
import { describeState } from './state/describe.ts'
import { FIFO } from './state/status.ts'
import { Descriptors } from './stdio.ts'
import type { Terminal } from './terminal.ts'

const createOptions = new Set([
  'id', 'bundle', 'spec', 'host', 'stdin', 'stdout', 'stderr', 'consoleSocket', 'terminalSize', 'keepLineFeeds', 'preserveFds', 'pidFile', 'noPivot',
  'noNewKeyring',
])

/**
 * @example
 * const runtime = new Runtime()
 * const container = await runtime.run({ id: 'hello', bundle: '/srv/hello' })
 * const { code } = await container.wait()
 * await container.delete()
 */
export class Runtime {
  /** Directory that holds the state of the containers. */
  readonly root: string

  /**
   * @param options.root default `/run/nrunc`; for others than root `$XDG_RUNTIME_DIR/nrunc`
   * @throws NruncError ERR_OPTION_INVALID when it is `/`
   */
  constructor(options: { readonly root?: string | undefined } = {}) {
    refuseUnknown(options, new Set(['root']))
    this.root = checkRoot(options.root ?? defaultRoot(process.geteuid!(), process.env))
  }

  /**
   * Make a container whose program waits for `start()`: all of it is set up, and a program that cannot be executed is
   * an error already here.
   *
   * @throws NruncError with any code of {@link errorCodes}; nothing is left behind then
   */
  async create(options: CreateOptions): Promise<Container> {
    return this.#make(options, false)
  }

  /** `create` and `start` in one, without the detour over exec.fifo. */
  async run(options: CreateOptions): Promise<Container> {
    return this.#make(options, true)
  }

  /** @throws NruncError ERR_NOT_FOUND, ERR_STATE_INVALID, ERR_ID_INVALID */
  async load(id: string): Promise<Container> {
    checkId(id)
    return new Container(this.root, readState(containerDirectory(this.root, id), id))
  }

  /** All containers below the root, by id; what is only being created or deleted is not among them. */
  async list(): Promise<Container[]> {
    return containerIds(this.root).flatMap((id) => {
      try {
        return [new Container(this.root, readState(containerDirectory(this.root, id), id))]
      } catch (error) {
        // One that is damaged must not hide the others.
        if (error instanceof NruncError && error.code !== 'ERR_NOT_FOUND') process.emitWarning(error)
        return []
      }
    })
  }

  async #make(options: CreateOptions, start: boolean): Promise<Container> {
    refuseUnknown(options, createOptions)
    const id = options.id ?? randomBytes(16).toString('hex')
    checkId(id)
    if (options.host !== undefined && (options.bundle ?? options.spec) !== undefined) {
      throw new NruncError('ERR_OPTION_INVALID', 'host goes with neither bundle nor spec', { operand: 'host' })
    }
    addon() // first: if it cannot be loaded nothing has been made yet, and it gets ready while the config is read
    const given = options.host === undefined ? readBundle(options) : undefined
    const directory = takeDirectory(this.root, id)
    return withLock(directory, id, () => new Making(this.root, id, options, start).run(directory, given))
  }
}

interface Bundle {
  readonly path: string
  readonly spec: Spec
}

function readBundle(options: CreateOptions): Bundle {
  const path = resolve(options.bundle ?? '.')
  return { path, spec: options.spec === undefined ? loadSpec(path) : checkSpec(options.spec) }
}

/** The steps from a taken id to a container, and the way back from wherever they fail. */
class Making {
  readonly #root: string
  readonly #id: string
  readonly #options: CreateOptions
  readonly #start: boolean
  #descriptors: Descriptors | undefined
  #child: Child | undefined
  #terminal: Terminal | null = null
  #cgroupPaths: Readonly<Record<string, string>> = {}

  constructor(root: string, id: string, options: CreateOptions, start: boolean) {
    this.#root = root
    this.#id = id
    this.#options = options
    this.#start = start
  }

  async run(directory: string, given: Bundle | undefined): Promise<Container> {
    try {
      return await this.#steps(directory, given ?? await this.#hostBundle(join(directory, 'bundle')))
    } catch (error) {
      this.#descriptors?.abandon()
      this.#terminal?.destroy()
      await endChild(this.#child)
      await this.#removeCgroups(error)
      removeDirectory(directory)
      throw error
    }
  }

  /** What cannot be removed does not hide why. One that could not be made may be another's: it goes only if it is empty. */
  async #removeCgroups(reason: unknown): Promise<void> {
    const foreign = reason instanceof NruncError && reason.step === 'makeCgroup'
    await (foreign ? removeEmptyCgroups : removeCgroup)(this.#cgroupPaths).catch(() => undefined)
  }

  async #hostBundle(path: string): Promise<Bundle> {
    return { path, spec: checkSpec(await writeHostBundle(path, this.#options.host)) }
  }

  async #steps(directory: string, { path: bundle, spec }: Bundle): Promise<Container> {
    const program = requireProcess(spec)
    refuseHostSysctl(spec)
    const rootfs = rootfsPath(spec, bundle)
    const terminal = program.terminal ?? false
    const descriptors = this.#descriptors = new Descriptors(this.#options, terminal)
    if (!this.#start) descriptors.addFifo(makeFifo(directory))

    const host = hostFacts()
    const cgroups = cgroupHost()
    const layout = layoutCgroup(cgroups, { id: this.#id, cgroupsPath: spec.linux?.cgroupsPath, resources: spec.linux?.resources, rootless: host.uid !== 0 })
    const plan = compile(spec, program, {
      id: this.#id, bundle, host, cgroupHost: cgroups, cgroups: layout, hasCgroupFile: cgroupFiles(cgroups),
      descriptors: descriptors.given, noPivot: this.#options.noPivot, noNewKeyring: this.#options.noNewKeyring,
    })
    this.#cgroupPaths = layout.paths
    const child = this.#child = new Child(plan, descriptors.list)

    const created = new Date().toISOString()
    const state = (): StateFile => ({
      id: this.#id, init_process_pid: child.pid, init_process_start: Number(child.startTime), created,
      config: spec, rootless: host.uid !== 0, cgroup_paths: layout.paths, namespace_paths: namespacePaths(child.pid),
      external_descriptors: terminal ? [] : ['stdin', 'stdout', 'stderr'].map((name) => String(this.#options[name as 'stdin'] ?? 'pipe')),
      intel_rdt_path: '', bundle, rootfs, no_new_keyring: this.#options.noNewKeyring ?? false,
    })
    await child.spawned
    const spawned = state()
    stageState(directory, spawned)
    const { prestart, createRuntime } = spec.hooks ?? {}
    if ((prestart?.length ?? 0) + (createRuntime?.length ?? 0) > 0) {
      await child.ready
      const creating = describeState(directory, state(), 'creating')
      await runHooks(prestart, 'prestart', creating)
      await runHooks(createRuntime, 'createRuntime', creating)
      child.continue()
    }
    // The word to go on, before it is asked for: init executes the program as soon as it is ready. The state counts
    // from `created` on, because until then the namespaces still show the host.
    if (this.#start) child.continue()
    await child.created
    const made = state()
    if (made.init_process_pid !== spawned.init_process_pid) stageState(directory, made) // it has forked meanwhile
    publishState(directory)
    const master = this.#terminal = await takeTerminal(child, terminal && this.#options.consoleSocket === undefined)
    descriptors.handOver()
    writePidFile(this.#options.pidFile, child.pid)
    const container = new Container(this.#root, made, { child, streams: descriptors.streams, terminal: master })
    if (this.#start) {
      await child.executed
      await container.runStarted()
    }
    return container
  }
}

function makeFifo(directory: string): string {
  const path = join(directory, FIFO)
  const result = addon().mkfifo(path, 0o622) // whoever the container's user is, init opens it for writing
  if (result === 0) return path
  throw new NruncError('ERR_STATE_INVALID', `cannot create ${path}: ${errnoName(-result)}`, { syscall: 'mkfifo', errno: errnoName(-result), operand: path })
}

/** libcontainer's keys: the CLONE_* names without their first word. */
const namespaceKeys = Object.entries(namespaceFiles).map(([type, file]) =>
  [`NEW${{ mount: 'NS', network: 'NET' }[type] ?? type.toUpperCase()}`, file] as const)

const namespacePaths = (pid: number): Record<string, string> =>
  Object.fromEntries(namespaceKeys.map(([key, file]) => [key, `/proc/${pid}/ns/${file}`]))
