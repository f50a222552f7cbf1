/**
 * The shapes that go into and come out of the public API. `Spec` and `ProcessSpec` are in `spec/`.
 */
import type { CgroupManager } from '../cgroup/driver.ts'
import type { Statistics } from '../cgroup/statistics.ts'
import type { DeadlineOptions } from './deadline.ts'
import { NruncError } from '../errors.ts'
import type { HookFunctions } from '../start/hooks.ts'
import type { HostBundleOptions } from '../bundle/host-bundle.ts'
import { nearest } from './nearest.ts'
import { checkObject, checkTypes } from './option-types.ts'
import type { SeccompHandler } from '../seccomp/notify.ts'
import type { ProcessSpec, Spec } from '../spec/schema.ts'

/** Where a standard stream of a container goes: a Node stream, the caller's own, nowhere, or a given descriptor. */
export type Stdio = 'pipe' | 'inherit' | 'ignore' | number

/** The standard streams, the terminal and other descriptors of a program. */
export interface StdioOptions {
  /** Default `'pipe'`. Ignored streams are connected to /dev/null. Not allowed together with a terminal. */
  readonly stdin?: Stdio | undefined
  readonly stdout?: Stdio | undefined
  readonly stderr?: Stdio | undefined
  /** With a terminal: path of an AF_UNIX stream socket that receives the pty's master, as runc's --console-socket. */
  readonly consoleSocket?: string | undefined
  /** Path of an AF_UNIX stream socket that receives a pidfd of the process, as runc's --pidfd-socket. pidfd_open(2). */
  readonly pidfdSocket?: string | undefined
  /** With a terminal: its size before the program is executed. Default: `process.consoleSize`, or 0 by 0. */
  readonly terminalSize?: { readonly rows: number; readonly columns: number } | undefined
  /** With a terminal that a terminal of the user's shows: the container adds no carriage returns. Default false. */
  readonly keepLineFeeds?: boolean | undefined
  /** How many descriptors, from 3 on, are passed on under the same numbers. Default 0. */
  readonly preserveFds?: number | undefined
  /** File that receives the host's pid of the process: decimal, no newline, replaced atomically. */
  readonly pidFile?: string | undefined
}

export const stdioNames = [
  'stdin', 'stdout', 'stderr', 'consoleSocket', 'pidfdSocket', 'terminalSize', 'keepLineFeeds', 'preserveFds', 'pidFile',
] as const satisfies readonly (keyof StdioOptions)[]

/** Readiness of a service, as sd_notify(3) has it. */
export interface NotifyOptions {
  /** The service manager's socket, what it calls NOTIFY_SOCKET: a path, or `@` and an abstract name. */
  readonly socket: string
  /** Also tell the manager that this process, or the container's init, is the service's main process. Default: nothing. */
  readonly mainPid?: number | 'init' | undefined
}

/** What {@link Container.start} takes. */
export interface StartOptions {
  /** For a container that was created with `notify`: whom to tell. Default: what it was created with, in that process. */
  readonly notify?: NotifyOptions | undefined
}

/**
 * The deadline of `create` is for the call alone; that of `run` is for the whole life of the container: SIGTERM, then
 * SIGKILL to all of its processes.
 */
export interface CreateOptions extends StdioOptions, DeadlineOptions {
  /** `[0-9A-Za-z_+.-]+`, at most 255 characters, not `.` or `..`. Default: a random one. */
  readonly id?: string | undefined
  /** The bundle directory; a relative path is relative to the working directory of the call. Default: that directory. */
  readonly bundle?: string | undefined
  /** The configuration, instead of the bundle's config.json. Without a `bundle`, `root.path` must be absolute. */
  readonly spec?: Spec | undefined
  /** Instead of a bundle: the host's own programs, read-only, as {@link writeHostBundle} makes it; gone at delete. */
  readonly host?: HostBundleOptions | undefined
  /**
   * Hooks as functions, beside those of config.json. Those for poststop are called when the container is deleted through
   * the object that the call returns; what they throw then is a warning.
   */
  readonly hooks?: HookFunctions | undefined
  /** Use MS_MOVE and chroot instead of pivot_root, for a root on a ramdisk. Default false. */
  readonly noPivot?: boolean | undefined
  /**
   * The program gets a socket of its own by `NOTIFY_SOCKET`, at `/run/notify`; when it says READY=1 there, the manager
   * is told. See `container.notified`.
   */
  readonly notify?: NotifyOptions | undefined
  /**
   * How many sockets the program gets as a service that is activated by sockets does: from 3 on under their numbers,
   * with LISTEN_FDS and LISTEN_PID=1; `preserveFds` counts after them. Default 0. sd_listen_fds(3).
   */
  readonly listenFds?: number | undefined
  /** Keep the caller's session keyring. Default false. */
  readonly noNewKeyring?: boolean | undefined
  /**
   * Answers the system calls that the config traps (SCMP_ACT_NOTIFY), instead of a `listenerPath`, as long as this process
   * lives: then they fail with ENOSYS. `exec` of the object that the call returns uses it too.
   */
  readonly seccompNotify?: SeccompHandler | undefined
}

/** The deadline is for the life of the process: SIGTERM, then SIGKILL, to it alone. */
export interface ExecOptions extends StdioOptions, DeadlineOptions {
  /** The whole process, as `process` in config.json; the other options then may not be given. */
  readonly process?: ProcessSpec | undefined
  /** Program and arguments; what is not said comes from the container's own process. */
  readonly args?: readonly string[] | undefined
  /** Added to the container's environment, as `NAME=value`. */
  readonly env?: readonly string[] | undefined
  readonly cwd?: string | undefined
  readonly user?: { readonly uid: number; readonly gid?: number | undefined } | undefined
  readonly additionalGids?: readonly number[] | undefined
  readonly terminal?: boolean | undefined
  /** Capabilities added to bounding, effective and permitted (never inheritable). */
  readonly capabilities?: readonly string[] | undefined
  readonly noNewPrivileges?: boolean | undefined
  /** AppArmor profile that the program gets. */
  readonly apparmorProfile?: string | undefined
  /** SELinux label that the program gets. */
  readonly selinuxLabel?: string | undefined
  /**
   * An existing cgroup below the container's, for all controllers or (v1) by controller. Default: the container's own;
   * where that cannot be entered any more (v2), that of init.
   */
  readonly cgroup?: string | Readonly<Record<string, string>> | undefined
  /** Answers the system calls that the config of the container traps. Default: what the container was made with, in that process. */
  readonly seccompNotify?: SeccompHandler | undefined
  /** Also in a paused container, where the process waits for `resume`. Default false. */
  readonly ignorePaused?: boolean | undefined
}

/** What holds for all containers of a {@link Runtime}. */
export interface RuntimeOptions {
  /** Directory that holds the state of the containers. Default `/run/nrunc`; for others than root `$XDG_RUNTIME_DIR/nrunc`. */
  readonly root?: string | undefined
  /**
   * Who makes the cgroups of new containers: nrunc (`cgroupfs`, the default), systemd in a transient scope (the
   * `cgroupsPath` then is `slice:prefix:name`), or nobody (`disabled`: no limit can be set, and no device rule is
   * enforced).
   */
  readonly cgroupManager?: CgroupManager | undefined
  /**
   * Whether the caller has only such cgroups as are delegated to him; with systemd, a manager of his own. Default
   * `'auto'`: yes for others than root, and in a user namespace.
   */
  readonly rootless?: boolean | 'auto' | undefined
  /**
   * How many containers are being made at a time; further calls of `create` and `run` wait for their turn, with their
   * `timeout` running. A runtime hook that waits for another container needs room for both. Default 16.
   */
  readonly startsAtOnce?: number | undefined
}

/** How a process ended. Exactly one is set; both are null when the kernel could not tell any more. */
export interface ExitResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** What `wait` tells of the end of a process. */
export interface ProcessExit extends ExitResult {
  /** When the program was executed; null when another process did that. */
  readonly startedAt: Date | null
  /** When this process was told of the end; null when it was over before anybody watched. */
  readonly finishedAt: Date | null
  /** The end came after the option `timeout` of a call had run out. */
  readonly timedOut: boolean
  /** The end came after the option `signal` of a call was aborted. */
  readonly aborted: boolean
}

/** What `wait` tells of the end of a container. */
export interface ContainerExit extends ProcessExit {
  /** The OOM killer has ended a process of it; in a scope of systemd only when that was seen before its cgroup was gone. */
  readonly oomKilled: boolean
  /**
   * What its cgroups said last; null where nobody can say any more (systemd removes a scope's cgroup with its last
   * process), and when the call has asked for none.
   */
  readonly stats: Statistics | null
}

/** What {@link Container.wait} takes. */
export interface WaitOptions extends DeadlineOptions {
  /** Read the last statistics, which takes a fraction of a millisecond. Default true. */
  readonly stats?: boolean | undefined
}

/** Where a container is in its life; `paused` is no status of the specification, but one of runc. */
export type Status = 'creating' | 'created' | 'running' | 'paused' | 'stopped'

/** The state of a container: runtime-spec, runtime.md "State", with what runc adds. */
export interface State {
  readonly ociVersion: string
  readonly id: string
  /** Host's pid of init; 0 when stopped. */
  readonly pid: number
  readonly status: Status
  readonly bundle: string
  readonly rootfs: string
  /** RFC 3339 with nanoseconds, UTC. */
  readonly created: string
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** Name of the user who owns the container, or the uid. */
  readonly owner: string
}

/**
 * @throws NruncError ERR_OPTION_INVALID for the first option that is not in KNOWN: most likely it is misspelled, and the
 * hint has the name that was meant, or what ELSEWHERE says of it; for one that is not of its type, and for what are no
 * options
 */
export function checkOptions(options: object, known: ReadonlySet<string>, elsewhere: Readonly<Record<string, string>> = {}): void {
  checkObject(options)
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue
    const meant = nearest(name, known)
    const hint = Object.hasOwn(elsewhere, name) ? elsewhere[name] : meant === undefined ? undefined : `did you mean ${JSON.stringify(meant)}?`
    throw new NruncError('ERR_OPTION_INVALID', `unknown option ${JSON.stringify(name)}`, { operand: name, hint })
  }
  checkTypes(options)
}

const deletion = new Set(['force'])
/** @throws NruncError ERR_OPTION_INVALID */
export const checkDeletion = (options: { readonly force?: boolean | undefined }): void => checkOptions(options, deletion)

/** @throws NruncError ERR_OPTION_INVALID for what is no integer from LEAST to MOST */
export function checkCount(name: string, value: unknown, least: number, most: number): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
  throw new NruncError('ERR_OPTION_INVALID', `${name} must be an integer from ${least} to ${most}, not ${String(value)}`, { operand: name })
}

/** @throws NruncError ERR_OPTION_INVALID for what does not go together with a terminal, or without one */
export function checkStreams(options: StdioOptions, terminal: boolean): void {
  const refuse = (operand: string, words: string): never => {
    throw new NruncError('ERR_OPTION_INVALID', words, { operand })
  }
  if (options.consoleSocket !== undefined && !terminal) refuse('consoleSocket', 'cannot use console socket if there is no terminal')
  const setting = (['terminalSize', 'keepLineFeeds'] as const).find((name) => options[name])
  if (!terminal && setting !== undefined) refuse(setting, `${setting} cannot be used without a terminal`)
  const stream = (['stdin', 'stdout', 'stderr'] as const).find((name) => options[name] !== undefined)
  if (terminal && stream !== undefined) refuse(stream, `${stream} cannot be used together with a terminal`)
}

const managers: readonly CgroupManager[] = ['cgroupfs', 'systemd', 'disabled']

/** @throws NruncError ERR_OPTION_INVALID for what is not a cgroup manager, or not a boolean */
export function checkManager({ cgroupManager = 'cgroupfs', rootless = 'auto' }: RuntimeOptions): {
  readonly cgroupManager: CgroupManager
  readonly rootless: boolean | 'auto'
} {
  const refuse = (name: string, value: unknown): never => {
    throw new NruncError('ERR_OPTION_INVALID', `invalid value ${JSON.stringify(value)} for ${name}`, { operand: name })
  }
  if (!managers.includes(cgroupManager)) refuse('cgroupManager', cgroupManager)
  if (typeof rootless !== 'boolean' && rootless !== 'auto') refuse('rootless', rootless)
  return { cgroupManager, rootless }
}
