/**
 * What compiling a plan needs to know besides config.json. Everything in it is data: the compiler reads no file.
 */
import type { CgroupHost } from '../cgroup/host.ts'
import type { CgroupLayout } from '../cgroup/layout.ts'
import type { HasFile } from '../cgroup/limit.ts'
import { firstEntry } from '../cgroup/operations.ts'
import type { ResctrlGroup } from '../resctrl/group.ts'
import { watched } from '../spec/looked.ts'
import type { CompileFilter } from './seccomp.ts'

/** Slots (see `operations.ts`) of the descriptors that the caller brings along. */
export interface GivenDescriptors {
  /** How many there are; the descriptors that the plan opens itself come after them. */
  readonly count: number
  /** stdin, stdout, stderr; without meaning with a terminal. */
  readonly stdio: readonly [number, number, number]
  /** What the caller says of the terminal. */
  readonly terminal?: { readonly rows?: number | undefined; readonly columns?: number | undefined; readonly keepLineFeeds?: boolean | undefined } | undefined
  /** Connected socket that gets the master of the console. */
  readonly consoleSocket?: number | undefined
  /** Connected socket that gets a pidfd of the process. */
  readonly pidfdSocket?: number | undefined
  /** O_PATH descriptor of exec.fifo; without one, start comes over the control socket. */
  readonly fifo?: number | undefined
  /** A network namespace made ahead, see `takesNetworkAhead`. */
  readonly network?: number | undefined
  /** What goes to the program under a number of its own. */
  readonly preserved: readonly { readonly slot: number; readonly number: number }[]
}

/** Facts of the host that decide what a plan may do. */
export interface HostFacts {
  /** Effective uid and gid of the caller. */
  readonly uid: number
  readonly gid: number
  /** Hard RLIMIT_NOFILE of the caller; getrlimit(2). */
  readonly openFilesHard: number | bigint
  /** Absolute paths of newuidmap and newgidmap, where they exist. */
  readonly uidHelper?: string | undefined
  readonly gidHelper?: string | undefined
  /** Whether these security modules are at work. */
  readonly apparmor?: boolean | undefined
  readonly selinux?: boolean | undefined
}

export interface PlanContext {
  /** How the filter of system calls is made; default: compiled anew. */
  readonly compileFilter?: CompileFilter | undefined
  readonly id: string
  /** Absolute path of the bundle. */
  readonly bundle: string
  readonly host: HostFacts
  readonly cgroupHost: CgroupHost
  readonly cgroups: CgroupLayout
  /** How many files init enters them through. */
  readonly taskFiles: number
  /** The group of `linux.intelRdt`. */
  readonly resctrl?: ResctrlGroup | undefined
  readonly hasCgroupFile?: HasFile | undefined
  readonly descriptors: GivenDescriptors
  readonly noPivot?: boolean | undefined
  /** Where the config allows it the mounts of the host are not copied, see `takesBareMounts`. */
  readonly bareMounts?: boolean | undefined
  readonly noNewKeyring?: boolean | undefined
  /** The caller has hooks of its own to run before the root is changed. Default: only where config.json has some. */
  readonly awaitRuntimeHooks?: boolean | undefined
  /** Init is to wait for the plan of its program, see `compileProgram`. */
  readonly awaitsPlan?: boolean | undefined
}

/** What of a context says where the container's cgroups are. */
export const placed = (cgroups: CgroupLayout): Pick<PlanContext, 'cgroups' | 'taskFiles'> => ({ cgroups, taskFiles: firstEntry(cgroups).tasks.length })

/** CONTEXT, with a note made of whoever looks at what can be different where it is that of another start. */
export const watchedContext = (context: PlanContext): PlanContext => watched(
  { ...context, descriptors: watched(context.descriptors, { terminal: 'terminal' }) },
  { cgroups: 'cgroupsPath', taskFiles: 'taskFiles' },
)
