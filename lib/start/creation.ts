/**
 * The steps from a taken id to a container, and the way back from wherever they fail.
 */
import { join } from 'node:path'
import { Blueprint, type Draft } from '../bundle/blueprint.ts'
import { type CgroupManager, type CgroupPlanner, cgroupPlanner, disposeCgroup } from '../cgroup/driver.ts'
import type { CgroupLayout } from '../cgroup/layout.ts'
import { oomFile } from '../cgroup/oom.ts'
import type { OomRecord } from '../cgroup/oom-record.ts'
import { killCgroup } from '../cgroup/processes.ts'
import { removeEmptyCgroups } from '../cgroup/remove.ts'
import { withReceiver } from '../bundle/annotations.ts'
import { warnOfCapabilities } from '../bundle/capabilities.ts'
import { Container } from '../container/container.ts'
import type { Deadline } from '../options/deadline.ts'
import { NruncError } from '../errors.ts'
import { endChild } from '../container/exec.ts'
import { isRootless } from '../bundle/facts.ts'
import { hasHookFunctions, runHookFunctions, runHooks } from './hooks.ts'
import { writeHostBundle } from '../bundle/host-bundle.ts'
import { addon } from '../native/addon.ts'
import { CloneAhead } from '../native/ahead.ts'
import { Child } from '../native/child.ts'
import { prepareCgroup } from '../native/prepare.ts'
import { errnoName } from '../native/errno.ts'
import { hostError } from '../native/refused.ts'
import { takeNetwork } from '../native/networks.ts'
import type { CreateOptions } from '../options/options.ts'
import type { GivenDescriptors } from '../plan/context.ts'
import { NO_SLOT } from '../plan/operations.ts'
import type { EncodedPlan } from '../plan/template.ts'
import { finishStreams, removePidFile, takeTerminal, writePidFile } from '../container/process.ts'
import type { Spec } from '../spec/schema.ts'
import { type ResctrlGroup, removeResctrl } from '../resctrl/group.ts'
import { Listener } from '../seccomp/listener.ts'
import { describeState } from '../state/describe.ts'
import { removeDirectory } from '../state/directory.ts'
import { publishState, stageState, stagingOf, type StateFile } from '../state/file.ts'
import { type Init, noProcess, openProcessRecord, processRecord, recordOf } from '../state/record.ts'
import { FIFO } from '../state/status.ts'
import { bindNotify, makeNotifyDirectory } from './service.ts'
import { connectSockets, type Sockets } from '../streams/socket.ts'
import { Descriptors } from '../streams/stdio.ts'
import type { Terminal } from '../streams/terminal.ts'
import type { Stopwatch } from '../container/timings.ts'
import { nextTurn } from '../turns.ts'

const SIGKILL = 9

const noDescriptors: GivenDescriptors = { count: 0, stdio: [NO_SLOT, NO_SLOT, NO_SLOT], preserved: [] }

/** What one call of `create` (`start` false) or `run` makes, and where. */
interface CreationPlace {
  /** The state directory of the container. */
  readonly directory: string
  readonly root: string
  readonly id: string
  readonly start: boolean
  /** With a network namespace made ahead, where there is one. */
  readonly network?: boolean
  readonly ahead?: CloneAhead | undefined
  /** Only to be prepared, see {@link Creation.prepare}. */
  readonly awaitsPlan?: boolean
}

/** What holds for all containers of a runtime. */
export interface CreationSettings {
  readonly cgroupManager: CgroupManager
  readonly rootless: boolean | 'auto'
}

/** A prepared container ended before it got its program: another one may do. */
export class Lost extends NruncError {
  constructor() {
    super('ERR_INIT', 'container init ended while it waited for its program')
  }
}

/** What is made in DIRECTORY, the state directory of a container, by one call of `create` (`start` false) or `run`. */
export class Creation {
  readonly #directory: string
  readonly #root: string
  readonly #id: string
  #options: CreateOptions
  readonly #start: boolean
  readonly #settings: CreationSettings
  #watch: Stopwatch
  #deadline: Deadline | undefined
  /** With a network namespace made ahead, where there is one. */
  readonly #network: boolean
  #ahead: CloneAhead | undefined
  readonly #awaitsPlan: boolean
  /** Init waits for nobody, see {@link Child}. */
  #goes = false
  #descriptors: Descriptors | undefined
  #layout: CgroupLayout | undefined
  #resctrl: ResctrlGroup | undefined
  #child: Child | undefined
  #staged: StateFile | undefined
  #terminal: Terminal | null = null
  #notifySocket: number | undefined
  /** Once it has been written. */
  #pidFile: string | undefined
  #delivered: Promise<void> | undefined
  #oomRecord: OomRecord | undefined
  /** systemd has made the scope: before, a unit of this name is somebody else's. */
  #scoped = false

  constructor(
    { directory, root, id, start, network = false, ahead, awaitsPlan = false, ...settings }: CreationPlace & CreationSettings, options: CreateOptions,
    watch: Stopwatch, deadline?: Deadline,
  ) {
    this.#watch = watch
    this.#directory = directory
    this.#root = root
    this.#id = id
    this.#options = options
    this.#start = start
    this.#settings = settings
    this.#deadline = deadline
    this.#network = network
    this.#ahead = ahead
    this.#awaitsPlan = awaitsPlan
    // What awaits the process hears of its end; what does not looks at the deadline itself.
    deadline?.onExpire(() => this.#child?.signal(SIGKILL))
  }

  /** Everything but the program; init waits for its plan. @throws as {@link run}; nothing stays then */
  async prepare(blueprint: Blueprint): Promise<void> {
    try {
      await this.#begin(blueprint)
      await this.#child!.created
    } catch (error) {
      await this.#undo(error)
      throw hostError(error)
    }
  }

  /**
   * The program of a prepared container, which is then like any other: that of VARIANT, which may have another host name.
   *
   * @throws as {@link run}; nothing stays then
   */
  async release(variant: Blueprint, options: CreateOptions, deadline: Deadline | undefined, watch: Stopwatch): Promise<Container> {
    try {
      this.#watch = watch
      this.#options = options
      this.#deadline = deadline
      deadline?.onExpire(() => this.#child?.signal(SIGKILL))
      const child = this.#child!
      const wanted = variant.process.terminal ?? false
      const descriptors = this.#descriptors = new Descriptors(options, wanted, await connectSockets(withReceiver(options, variant.spec), wanted, deadline))
      this.#delivered = this.#deliver(variant, child)
      const hostname = variant.spec.hostname !== this.#staged!.config.hostname
      const plan = await variant.program(this.#id, descriptors.given, this.#layout!, hostname, this.#directory)
      if (!child.sendPlan(plan, descriptors.list)) throw new Lost()
      watch.mark('plan')
      const { external_descriptors } = this.#record(child, variant, this.#layout!, this.#resctrl)
      this.#staged = { ...this.#staged!, ...processRecord(child), config: variant.spec, external_descriptors }
      stageState(this.#directory, this.#staged)
      return await this.#publish(child, this.#staged)
    } catch (error) {
      await this.#undo(error)
      throw deadline?.cause === undefined ? hostError(error) : deadline.error()
    }
  }

  /** Ends a prepared container that nobody will release. */
  async abandon(): Promise<void> {
    await this.#undo(undefined)
    await this.#runStopped()
  }

  /** The end of init, also before anything was released. */
  get exit(): Promise<unknown> { return this.#child?.exit ?? Promise.resolve() }

  /** Without a bundle it is one of the host's own programs. */
  async run(given: Blueprint | undefined): Promise<Container> {
    try {
      const blueprint = given ?? await this.#hostBundle(join(this.#directory, 'bundle'))
      await this.#begin(blueprint)
      return await this.#finish(this.#child!, this.#staged!)
    } catch (error) {
      await this.#undo(error)
      throw this.#deadline?.cause === undefined ? hostError(error) : this.#deadline.error()
    } finally {
      await this.#ahead?.drop()
    }
  }

  /** Up to the runtime hooks. */
  async #begin(blueprint: Blueprint): Promise<void> {
    warnOfCapabilities(blueprint.process)
    if (!blueprint.forMany) await nextTurn() // checking, compiling and encoding: each in its own
    const { cgroupManager, rootless } = this.#settings
    const planner = await cgroupPlanner(cgroupManager, isRootless(rootless))
    const { child, plan } = this.#awaitsPlan ? await this.#spawnWaiting(blueprint, planner)
      : await this.#spawn(blueprint, await connectSockets(withReceiver(this.#options, blueprint.spec), blueprint.process.terminal ?? false, this.#deadline), planner)
    this.#watch.mark('plan')
    const state = await this.#stage(child)
    if (plan.cgroup !== undefined) await this.#enterScope(child, plan.cgroup, blueprint.spec)
    await this.#runRuntimeHooks(child, state)
  }

  async #hostBundle(path: string): Promise<Blueprint> {
    return new Blueprint({ path, spec: await writeHostBundle(path, this.#options.host) })
  }

  async #spawn(blueprint: Blueprint, sockets: Sockets, planner: CgroupPlanner): Promise<{ readonly child: Child; readonly plan: EncodedPlan }> {
    const descriptors = this.#descriptors = new Descriptors(this.#options, blueprint.process.terminal ?? false, sockets)
    const traps = Listener.of(blueprint.spec, this.#options.seccompNotify) !== undefined // refuses before there is a process
    if (!this.#start) descriptors.addFifo(makeFifo(join(this.#directory, FIFO)))
    if (this.#options.notify !== undefined) makeNotifyDirectory(this.#directory)
    const network = this.#network ? takeNetwork() : undefined
    if (network !== undefined) descriptors.addNetwork(network)
    const draft = await blueprint.draft(this.#id, descriptors.given, planner, this.#options, this.#directory, (flags) => {
      this.#ahead = new CloneAhead(flags)
    })
    if (!blueprint.forMany) await nextTurn()
    this.#goes = this.#start && !traps && draft.plan.cgroup === undefined && this.#waitsForNobody(blueprint.spec)
    const made = this.#clone(blueprint, draft, descriptors.list)
    this.#delivered = this.#deliver(blueprint, made.child)
    return made
  }

  /** Neither hooks nor a deadline nor a service manager has a say between the clone and the program. */
  #waitsForNobody({ hooks = {} }: Spec): boolean {
    const { hooks: functions, notify } = this.#options
    return this.#deadline === undefined && notify === undefined && !hasHookFunctions(functions, 'prestart', 'createRuntime') &&
      [hooks.prestart, hooks.createRuntime, hooks.startContainer].every((list) => !list?.length)
  }

  /** To whoever answers for trapped system calls; undefined where nothing is trapped. */
  #deliver({ spec }: Blueprint, child: Child): Promise<void> | undefined {
    return Listener.of(spec, this.#options.seccompNotify)?.deliver(child, () => describeState(this.#directory, this.#staged!, 'creating'), this.#deadline)
  }

  /** It gets its descriptors together with its program. */
  async #spawnWaiting(blueprint: Blueprint, planner: CgroupPlanner): Promise<{ readonly child: Child; readonly plan: EncodedPlan }> {
    return this.#clone(blueprint, await blueprint.draft(this.#id, noDescriptors, planner, { ...this.#options, awaitsPlan: true }, this.#directory), [])
  }

  /** What is going to be made stands on disk first: whoever is killed from here on leaves nothing that nobody can find. */
  #clone(blueprint: Blueprint, { layout, resctrl, plan }: Draft, descriptors: readonly number[]): { readonly child: Child; readonly plan: EncodedPlan } {
    const state = this.#staged = this.#record(noProcess, blueprint, layout, resctrl)
    this.#layout = layout
    this.#resctrl = resctrl
    const child = this.#child = new Child(plan, descriptors, {
      state: stagingOf(this.#directory, removable(state), openProcessRecord), go: this.#goes, ahead: this.#ahead, counts: oomFile(layout.paths),
    })
    return { child, plan }
  }

  #record(init: Init, { bundle, spec }: Blueprint, layout: CgroupLayout, resctrl: ResctrlGroup | undefined): StateFile {
    return recordOf(init, { id: this.#id, bundle, spec, layout, resctrl, options: this.#options, descriptors: this.#descriptors })
  }

  /** While init is at work. The state counts from `created` on: until then the namespaces still show the host. */
  async #stage(child: Child): Promise<StateFile> {
    if (!this.#goes) {
      await child.spawned
      this.#deadline?.check()
      this.#staged = { ...this.#staged!, ...processRecord(child) }
    }
    return this.#staged!
  }

  /** Init waits meanwhile: it has done nothing yet. */
  async #enterScope(child: Child, { limits, prepare }: NonNullable<EncodedPlan['cgroup']>, { annotations }: Spec): Promise<void> {
    const [{ startScope }, { recordOom }] = await Promise.all([import('../cgroup/systemd/driver.ts'), import('../cgroup/oom-record.ts')])
    await startScope(this.#layout!.scope!, { id: this.#id, pid: child.pid, limits, annotations })
    this.#scoped = true
    this.#oomRecord = recordOom(this.#layout!.paths)
    stageState(this.#directory, this.#staged!)
    await prepareCgroup(prepare)
    this.#deadline?.check()
    child.continue()
  }

  async #runRuntimeHooks(child: Child, state: StateFile): Promise<void> {
    const { prestart, createRuntime } = state.config.hooks ?? {}
    const { hooks } = this.#options
    if (!prestart?.length && !createRuntime?.length && !hasHookFunctions(hooks, 'prestart', 'createRuntime')) return
    await child.ready
    const creating = describeState(this.#directory, { ...state, init_process_pid: child.pid }, 'creating')
    const deadline = this.#deadline
    await runHooks(prestart, 'prestart', creating, { deadline })
    await runHookFunctions(hooks, 'prestart', creating, { deadline })
    await runHooks(createRuntime, 'createRuntime', creating, { deadline })
    await runHookFunctions(hooks, 'createRuntime', creating, { deadline })
    this.#deadline?.check()
    child.continue()
  }

  async #finish(child: Child, staged: StateFile): Promise<Container> {
    // The word to go on, before it is asked for: init executes the program as soon as it is ready.
    if (this.#start && !this.#goes) {
      this.#notifySocket = bindNotify(this.#directory, this.#options.notify)
      child.continue()
    }
    await Promise.all([child.created, this.#start ? undefined : this.#delivered])
    const state = { ...staged, ...processRecord(child) }
    if (child.forked) stageState(this.#directory, state)
    return this.#publish(child, state)
  }

  /** It is a container for everybody from here on. */
  async #publish(child: Child, state: StateFile): Promise<Container> {
    publishState(this.#directory)
    const wanted = (state.config.process?.terminal ?? false) && this.#options.consoleSocket === undefined
    const terminal = this.#terminal = await takeTerminal(child, wanted)
    this.#descriptors!.handOver()
    writePidFile(this.#options.pidFile, child.pid)
    this.#pidFile = this.#options.pidFile
    const { notify, hooks, seccompNotify } = this.#options
    const container = new Container(this.#root, state, {
      child, streams: this.#descriptors!.streams, terminal, watch: this.#watch, oomRecord: this.#oomRecord, notify, hooks, seccompNotify,
    })
    void finishStreams(child, this.#descriptors!, terminal)
    if (this.#start) {
      await Promise.all([child.executed, this.#delivered])
      if (this.#awaitsPlan) this.#watch.mark('execute')
      container.relay(this.#notifySocket, notify)
      this.#notifySocket = undefined
      await container.runStarted(this.#deadline)
    }
    this.#deadline?.check()
    return container
  }

  /** Nothing stays: no process, descriptor, cgroup, directory. What cannot be removed does not hide why. */
  async #undo(reason: unknown): Promise<void> {
    this.#descriptors?.abandon()
    this.#terminal?.destroy()
    if (this.#notifySocket !== undefined) addon().close(this.#notifySocket)
    await endChild(this.#child)
    // A cgroup that could not be made may be another container's: it goes only if it is empty.
    const { paths = {}, scope } = this.#layout ?? {}
    const foreign = scope === undefined ? !this.#hasCgroup(reason) : !this.#scoped
    // Without a pid namespace of its own the end of init is not the end of what it, or a hook, has started.
    if (this.#staged !== undefined && !foreign) await killCgroup(paths).catch(() => undefined)
    if (!foreign) await disposeCgroup(paths, scope).catch(() => undefined)
    else if (scope === undefined) await removeEmptyCgroups(paths).catch(() => undefined)
    for (const remove of [
      () => removePidFile(this.#pidFile), () => removeResctrl(this.#resctrl?.own), () => removeDirectory(this.#directory),
    ]) {
      try {
        remove()
      } catch (error) {
        process.emitWarning(error as NruncError)
      }
    }
    if (reason instanceof NruncError && reason.code === 'ERR_HOOK') await this.#runStopped()
  }

  /** Whether the cgroups were made for this container: there was a process, or what failed is a step that comes later. */
  #hasCgroup(reason: unknown): boolean {
    if (this.#child !== undefined && this.#child.pid !== 0) return true
    return reason instanceof NruncError && reason.step !== undefined && !['stageState', 'makeCgroup'].includes(reason.step)
  }

  /** After a failed hook the life of the container goes on at its deletion. runtime-spec runtime.md "Lifecycle". */
  async #runStopped(): Promise<void> {
    if (this.#staged === undefined) return
    const { pid: _, ...state } = describeState(this.#directory, this.#staged, 'stopped')
    const tolerate = (error: NruncError): void => process.emitWarning(error)
    await runHooks(this.#staged.config.hooks?.poststop, 'poststop', state, { tolerate })
    await runHookFunctions(this.#options.hooks, 'poststop', state, { tolerate })
  }
}

/** What is left of a half-made container is removed by what is written then: nothing that may be another's. */
const removable = (state: StateFile): StateFile =>
  state.systemd === undefined ? state : { ...state, cgroup_paths: {}, systemd: undefined }

function makeFifo(path: string): string {
  const result = addon().mkfifo(path, 0o622) // whoever the container's user is, init opens it for writing
  if (result === 0) return path
  const errno = errnoName(-result)
  throw new NruncError('ERR_STATE_INVALID', `cannot create ${path}: ${errno}`, { syscall: 'mkfifo', errno, operand: path })
}
