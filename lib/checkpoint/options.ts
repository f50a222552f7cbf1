/**
 * What a checkpoint and a restore can be asked for. The names are those of runc's flags.
 */
import { NruncError } from '../errors.ts'
import { checkOptions, type CreateOptions } from '../options/options.ts'
import { CGROUP_MODE, NETWORK_LOCK } from './messages.ts'

/** What both have in common. */
export interface CriuFileOptions {
  /** Directory of the images: the checkpoint. A checkpoint makes it where it is missing. */
  readonly imagePath: string
  /** Directory for criu's log and other files of the work. Default: that of the images. */
  readonly workPath?: string | undefined
  /** Open TCP connections are part of it. Default: they are refused. */
  readonly tcpEstablished?: boolean | undefined
  /** Unix sockets whose other end is outside of the container are part of it. */
  readonly extUnixSk?: boolean | undefined
  /** The container has a session or a terminal of somebody outside. */
  readonly shellJob?: boolean | undefined
  /** File locks are part of it. */
  readonly fileLocks?: boolean | undefined
  /** Memory is fetched when it is first used (userfaultfd). */
  readonly lazyPages?: boolean | undefined
  /** Remove from older images what newer ones have. */
  readonly autoDedup?: boolean | undefined
  /** What of the cgroups is part of it; criu(8), --manage-cgroups. Default `'soft'`. */
  readonly manageCgroupsMode?: 'soft' | 'full' | 'strict' | 'ignore' | undefined
  /** How the network is kept still; criu(8), --network-lock. Default `'iptables'`. */
  readonly networkLock?: 'iptables' | 'nftables' | 'skip' | undefined
}

/** What {@link Container.checkpoint} takes. */
export interface CheckpointOptions extends CriuFileOptions {
  /** An earlier one, made with `preDump`: a path relative to `imagePath`. Only what has changed since is saved. */
  readonly parentPath?: string | undefined
  /** The container goes on. Default: it is gone, deleted too. */
  readonly leaveRunning?: boolean | undefined
  /** Only memory, for a later one with `parentPath`; the container goes on. */
  readonly preDump?: boolean | undefined
  /** TCP connections that are just being made are left out. */
  readonly tcpSkipInFlight?: boolean | undefined
  /** Files that were removed while they are open get a name again. */
  readonly linkRemap?: boolean | undefined
  /** With `lazyPages`: descriptor that gets a zero byte when the server of the pages is ready. It stays the caller's. */
  readonly statusFd?: number | undefined
  /** The server that takes the memory pages, `criu page-server`. */
  readonly pageServer?: { readonly address: string; readonly port: number } | undefined
}

type Creating =
  | 'id' | 'bundle' | 'spec' | 'stdin' | 'stdout' | 'stderr' | 'consoleSocket' | 'pidFile' | 'hooks'

/** What {@link Runtime.restore} takes. */
export interface RestoreOptions extends CriuFileOptions, Pick<CreateOptions, Creating> {
  /** Open TCP connections of the checkpoint are closed. */
  readonly tcpClose?: boolean | undefined
  /** Another profile of AppArmor, or label of SELinux, than at the checkpoint: `apparmor:NAME`, `selinux:LABEL`. */
  readonly lsmProfile?: string | undefined
  /** Another label of the mounts than at the checkpoint. */
  readonly lsmMountContext?: string | undefined
}

const common = [
  'imagePath', 'workPath', 'tcpEstablished', 'extUnixSk', 'shellJob', 'fileLocks', 'lazyPages', 'autoDedup', 'manageCgroupsMode', 'networkLock',
] as const

const checkpointNames = new Set<string>([
  ...common, 'parentPath', 'leaveRunning', 'preDump', 'tcpSkipInFlight', 'linkRemap', 'statusFd', 'pageServer',
] satisfies (keyof CheckpointOptions)[])

const restoreNames = new Set<string>([
  ...common, 'id', 'bundle', 'spec', 'stdin', 'stdout', 'stderr', 'consoleSocket', 'pidFile', 'hooks', 'tcpClose', 'lsmProfile', 'lsmMountContext',
] satisfies (keyof RestoreOptions)[])

const invalid = (message: string, operand?: string): NruncError => new NruncError('ERR_OPTION_INVALID', message, { operand })

function checkCommon({ imagePath, manageCgroupsMode, networkLock }: CriuFileOptions): void {
  if (typeof imagePath !== 'string' || imagePath === '') throw invalid('invalid directory to save checkpoint', String(imagePath))
  if (manageCgroupsMode !== undefined && (!Object.hasOwn(CGROUP_MODE, manageCgroupsMode) || (manageCgroupsMode as string) === 'default')) {
    throw invalid('invalid manage-cgroups-mode value', manageCgroupsMode)
  }
  if (networkLock !== undefined && !Object.hasOwn(NETWORK_LOCK, networkLock)) throw invalid('invalid network-lock value', networkLock)
}

/** @throws NruncError ERR_OPTION_INVALID */
export function checkCheckpointOptions(options: CheckpointOptions): void {
  checkOptions(options, checkpointNames)
  checkCommon(options)
  const { parentPath, pageServer, statusFd, lazyPages } = options
  if (parentPath?.startsWith('/')) throw invalid('--parent-path must be relative', parentPath)
  if (statusFd !== undefined && !lazyPages) throw invalid('a status descriptor goes with lazy pages only', String(statusFd))
  if (pageServer === undefined) return
  if (pageServer.address === '' || !Number.isInteger(pageServer.port) || pageServer.port < 1 || pageServer.port > 65535) {
    throw invalid('Use --page-server ADDRESS:PORT to specify page server', `${pageServer.address}:${pageServer.port}`)
  }
}

/** @throws NruncError ERR_OPTION_INVALID */
export function checkRestoreOptions(options: RestoreOptions): void {
  checkOptions(options, restoreNames)
  checkCommon(options)
}
