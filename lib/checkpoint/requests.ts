/**
 * The requests to criu for a checkpoint and for a restore. Pure.
 */
import type { CheckpointOptions, CriuFileOptions, RestoreOptions } from './options.ts'
import type { ExternalMount } from './external.ts'
import { CGROUP_MODE, type CriuOptions, type CriuRequest, NETWORK_LOCK, REQUEST } from './messages.ts'

/** What both depend on besides the options. Descriptors are those of this process: criu opens them there. */
export interface RequestFacts {
  readonly imagesDirFd: number
  readonly workDirFd?: number | undefined
  readonly logFile: string
  /** The root file system, or where it is mounted for the restore. */
  readonly root: string
  readonly configFile?: string | undefined
  /** Destinations are resolved. */
  readonly mounts: readonly ExternalMount[]
}

export interface CheckpointFacts extends RequestFacts {
  readonly pid: number
  /** criu_opts.external. */
  readonly namespaces: readonly string[]
  /** The cgroup with which criu stops the container; without one it stops each process. */
  readonly freezer?: string | undefined
  /** Masked files of the container. */
  readonly masked: readonly string[]
  /** The status descriptor goes to criu itself, which is too old to notify of it. */
  readonly statusFd?: number | undefined
}

export interface RestoreFacts extends RequestFacts {
  readonly cgroupRoots: readonly { readonly controller: string; readonly path: string }[]
  readonly joinNamespaces: readonly { readonly type: string; readonly path: string }[]
  readonly inherited: readonly { readonly key: string; readonly fd: number }[]
  readonly hasMasks: boolean
}

/** What masks a file. */
const nullDevice = '/dev/null'

/** CLONE_NEWNET, clone(2): devices and addresses of a network namespace are not the runtime's business. */
const emptyNamespaces = 0x40000000

const common = (options: CriuFileOptions, facts: RequestFacts): CriuOptions => ({
  imagesDirFd: facts.imagesDirFd, workDirFd: facts.workDirFd, logLevel: 4, logFile: facts.logFile, root: facts.root,
  configFile: facts.configFile, notifyScripts: true,
  manageCgroups: true, manageCgroupsMode: CGROUP_MODE[options.manageCgroupsMode ?? 'default'],
  emptyNamespaces, orphanPtsMaster: true,
  tcpEstablished: options.tcpEstablished ?? false, extUnixSk: options.extUnixSk ?? false, shellJob: options.shellJob ?? false,
  fileLocks: options.fileLocks ?? false, lazyPages: options.lazyPages ?? false, autoDedup: options.autoDedup ?? false,
  networkLock: options.networkLock === undefined ? undefined : NETWORK_LOCK[options.networkLock],
})

export function checkpointRequest(options: CheckpointOptions, facts: CheckpointFacts): CriuRequest {
  const { preDump = false, parentPath, pageServer } = options
  const mounts = [
    ...facts.mounts.map(({ destination }) => ({ key: destination, val: destination })),
    ...facts.masked.map((path) => ({ key: path, val: nullDevice })),
  ]
  return {
    type: preDump ? REQUEST.preDump : REQUEST.dump,
    options: {
      ...common(options, facts), pid: facts.pid,
      leaveRunning: options.leaveRunning ?? false, tcpSkipInFlight: options.tcpSkipInFlight ?? false, linkRemap: options.linkRemap ?? false,
      external: facts.namespaces, freezeCgroup: facts.freezer, pageServer, statusFd: facts.statusFd,
      ...(parentPath ? { parentImage: parentPath, trackMemory: true } : {}),
      // A dump of memory alone does not look at mounts.
      ...(preDump ? {} : { externalMounts: mounts }),
    },
  }
}

export function restoreRequest(options: RestoreOptions, facts: RestoreFacts): CriuRequest {
  const mounts = [
    ...facts.mounts.map(({ destination, source }) => ({ key: destination, val: source })),
    ...(facts.hasMasks && !facts.mounts.some(({ destination }) => destination === nullDevice) ? [{ key: nullDevice, val: nullDevice }] : []),
  ]
  return {
    type: REQUEST.restore,
    options: {
      ...common(options, facts), evasiveDevices: true, restoreSibling: true, tcpClose: options.tcpClose,
      lsmProfile: options.lsmProfile || undefined, lsmMountContext: options.lsmMountContext || undefined,
      externalMounts: mounts, cgroupRoots: facts.cgroupRoots, joinNamespaces: facts.joinNamespaces, inheritFd: facts.inherited,
    },
  }
}
