import type { CheckpointOptions } from '../../checkpoint/options.ts'
import { NruncError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { criuFlags, criuOptions, warnRootless } from '../criu-flags.ts'
import { openRuntime } from '../runtime.ts'

/** ADDRESS:PORT; an IPv6 address stands in brackets. */
const pageServerOf = (text: string): CheckpointOptions['pageServer'] => {
  const [, address, bracketed, port] = /^(?:([^:[\]]+)|\[([^[\]]+)\]):(.+)$/.exec(text) ?? []
  const refuse = (message: string) => new NruncError('ERR_OPTION_INVALID', message, { operand: text })
  if (port === undefined) throw refuse('Use --page-server ADDRESS:PORT to specify page server')
  if (!/^\d+$/.test(port)) throw refuse('Invalid port number')
  return { address: address ?? bracketed ?? '', port: Number(port) }
}

/** `nrunc checkpoint`: a container into files; afterwards it is gone, unless it is to go on. */
export const command = defineCommand({
  name: 'checkpoint',
  summary: 'save a running container to files',
  operands: '<container-id>',
  count: [1, 1],
  flags: {
    ...criuFlags,
    'parent-path': { kind: 'text', value: 'DIR', help: 'an earlier pre-dump, relative to the image path' },
    'leave-running': { kind: 'boolean', help: 'the container goes on' },
    'tcp-skip-in-flight': { kind: 'boolean', help: 'leave out TCP connections that are just being made' },
    'link-remap': { kind: 'boolean', help: 'give files that were removed while they are open a name again' },
    'pre-dump': { kind: 'boolean', help: 'save the memory only; the container goes on' },
    'status-fd': { kind: 'number', help: 'write \\0 to descriptor N when the server of lazy pages is ready' },
    'page-server': { kind: 'text', value: 'ADDRESS:PORT', help: 'the server that takes the memory pages' },
  },
  async run(call) {
    const { flags, log } = call
    warnRootless('checkpoint', log)
    const runtime = await openRuntime(call)
    const container = await runtime.load(call.operands[0] as string)
    await container.checkpoint({
      ...criuOptions(flags), parentPath: flags.parentPath || undefined, leaveRunning: flags.leaveRunning,
      tcpSkipInFlight: flags.tcpSkipInFlight, linkRemap: flags.linkRemap, preDump: flags.preDump,
      statusFd: flags.statusFd === -1 ? undefined : flags.statusFd,
      pageServer: flags.pageServer ? pageServerOf(flags.pageServer) : undefined,
    })
  },
})
