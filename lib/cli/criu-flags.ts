/**
 * The flags that `checkpoint` and `restore` share, and the library's options that they become.
 */
import { resolve } from 'node:path'
import type { CriuFileOptions } from '../checkpoint/options.ts'
import { NruncError } from '../errors.ts'
import { isRootless } from '../bundle/facts.ts'
import type { Call, Values } from './command.ts'

export const criuFlags = {
  'image-path': { kind: 'text', value: 'DIR', help: 'directory of the images (default: ./checkpoint)' },
  'work-path': { kind: 'text', value: 'DIR', help: "directory of criu's log and other files of the work (default: the images')" },
  'tcp-established': { kind: 'boolean', help: 'allow open TCP connections' },
  'ext-unix-sk': { kind: 'boolean', help: 'allow unix sockets with an end outside of the container' },
  'shell-job': { kind: 'boolean', help: 'allow a session or a terminal of somebody outside' },
  'file-locks': { kind: 'boolean', help: 'allow file locks' },
  'lazy-pages': { kind: 'boolean', help: 'fetch memory when it is first used' },
  'auto-dedup': { kind: 'boolean', help: 'remove from older images what newer ones have' },
  'manage-cgroups-mode': { kind: 'text', value: 'MODE', help: 'what of the cgroups is part of it: soft (default), full, strict or ignore' },
  'empty-ns': { kind: 'list', value: 'TYPE', help: 'restore a namespace without its content: network, which always is' },
  'network-lock': { kind: 'text', value: 'METHOD', help: 'how the network is kept still: iptables (default), nftables or skip' },
} as const

/** @throws NruncError ERR_OPTION_INVALID */
export function criuOptions(flags: Values<typeof criuFlags>): CriuFileOptions {
  const foreign = flags.emptyNs?.find((type) => type !== 'network')
  if (foreign !== undefined) throw new NruncError('ERR_OPTION_INVALID', `namespace ${JSON.stringify(foreign)} is not supported`, { operand: foreign })
  return {
    imagePath: resolve(flags.imagePath || 'checkpoint'), workPath: flags.workPath ? resolve(flags.workPath) : undefined,
    tcpEstablished: flags.tcpEstablished, extUnixSk: flags.extUnixSk, shellJob: flags.shellJob, fileLocks: flags.fileLocks,
    lazyPages: flags.lazyPages, autoDedup: flags.autoDedup,
    manageCgroupsMode: (flags.manageCgroupsMode || undefined) as CriuFileOptions['manageCgroupsMode'],
    networkLock: (flags.networkLock || undefined) as CriuFileOptions['networkLock'],
  }
}

/** criu needs rights that an ordinary user does not have; it says so itself, where it does. */
export function warnRootless(name: string, log: Call['log']): void {
  if (isRootless('auto')) log.warning(`nrunc ${name} is untested with rootless containers`)
}
