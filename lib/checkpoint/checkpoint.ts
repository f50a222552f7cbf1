/**
 * Making a checkpoint of a container that runs. Runs in the Node process; loaded only when it is asked for.
 */
import { existsSync, readFileSync, statSync, writeSync } from 'node:fs'
import type { CgroupPaths } from '../cgroup/layout.ts'
import { NruncError } from '../errors.ts'
import type { Status } from '../options/options.ts'
import type { StateFile } from '../state/file.ts'
import { Criu, type Notification, requireCriu, requireFeature } from './criu.ts'
import { configFile, externalMounts, externalNamespaces, resolveInside } from './external.ts'
import { CheckpointFiles, requireParent } from './files.ts'
import { REQUEST } from './messages.ts'
import type { CheckpointOptions } from './options.ts'
import { checkpointRequest } from './requests.ts'

const logFile = 'dump.log'

/** criu of this version and later tells when the server of the pages is ready; before, it writes to the descriptor itself. */
const notifiesOfStatus = 31500
/** criu knows `cgroup.freeze` of cgroup v2. */
const freezesUnified = 31400

/**
 * The container is stopped meanwhile; then it goes on or is killed, as the options say. A paused one stays paused.
 *
 * @throws NruncError ERR_STATUS unless it is running or paused; ERR_CRIU, with the last error of criu's log
 */
export async function makeCheckpoint(state: StateFile, status: Status, options: CheckpointOptions): Promise<void> {
  if (status !== 'running' && status !== 'paused') {
    throw new NruncError('ERR_STATUS', `container cannot be checkpointed in ${status} state`, { operand: state.id })
  }
  if (options.statusFd !== undefined) requireWritable(options.statusFd)
  if (options.parentPath) requireParent(options.imagePath, options.parentPath)
  const version = await requireCriu()
  const namespaces = externalNamespaces(state.config, version)
  if (options.preDump) await requireFeature('memoryTracking')
  if (options.lazyPages) await requireFeature('lazyPages')
  const files = new CheckpointFiles(options, logFile, { make: true })
  try {
    if (!options.preDump) files.writeDescriptors(state.external_descriptors)
    const { config, rootfs, init_process_pid: pid } = state
    const request = checkpointRequest(options, {
      imagesDirFd: files.imagesDirFd, workDirFd: files.workDirFd, logFile, root: rootfs, pid, namespaces,
      configFile: configFile(config, existsSync), freezer: freezerOf(state.cgroup_paths, version),
      mounts: mountsOf(state), masked: maskedFiles(pid, config.linux?.maskedPaths ?? []),
      statusFd: version < notifiesOfStatus ? options.statusFd : undefined,
    })
    const criu = await Criu.start()
    let ended
    try {
      await criu.ask(request, tellStatus(options.statusFd))
    } finally {
      ended = await criu.end()
    }
    // After a dump of memory it waits for more requests, and takes the end of the conversation for a failure.
    if (ended !== undefined && request.type !== REQUEST.preDump) throw new NruncError('ERR_CRIU', `criu failed: ${ended}`)
  } catch (error) {
    throw files.explain(error)
  } finally {
    files.close()
  }
}

function tellStatus(statusFd: number | undefined): (notification: Notification) => void {
  return ({ script }) => {
    if (script === 'status-ready' && statusFd !== undefined) writeSync(statusFd, '\0')
  }
}

/** proc(5), fdinfo: the access mode is in the last two bits. */
function requireWritable(fd: number): void {
  const why = ((): string | undefined => {
    try {
      const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0'
      return (parseInt(flags, 8) & 3) === 0 ? 'not writable' : undefined
    } catch {
      return 'bad file descriptor'
    }
  })()
  if (why !== undefined) throw new NruncError('ERR_OPTION_INVALID', `invalid --status-fd argument ${fd}: ${why}`, { operand: String(fd) })
}

const freezerOf = (paths: CgroupPaths, version: number): string | undefined =>
  paths['freezer'] ?? (version >= freezesUnified ? paths[''] : undefined)

function mountsOf({ config, bundle, rootfs, rootless, cgroup_paths: paths }: StateFile): { destination: string; source: string }[] {
  return externalMounts(config, bundle, { directories: [], field: '', paths, rootless })
    .map(({ destination, source }) => ({ destination: resolveInside(rootfs, destination), source }))
}

/** Those that are there, and no directories: what hides these is a file system of the container's own. */
const maskedFiles = (pid: number, paths: readonly string[]): string[] =>
  paths.filter((path) => statSync(`/proc/${pid}/root${path}`, { throwIfNoEntry: false })?.isDirectory() === false)
