import { join, resolve } from 'node:path'
import type { Spec } from '../../spec/schema.ts'
import { defineCommand } from '../command.ts'
import { criuFlags, criuOptions, warnRootless } from '../criu-flags.ts'
import { attend } from '../foreground.ts'
import { readJson } from '../read-json.ts'
import { leaveProcesses, openRuntime } from '../runtime.ts'
import { checkTerminal, stdioFlags, stdioOptions } from '../stdio-options.ts'

/** `nrunc restore`: a container from the files of a checkpoint; in the foreground also attend it, and delete it when it ends. */
export const command = defineCommand({
  name: 'restore',
  summary: 'restore a container from the files of a checkpoint',
  operands: '<container-id>',
  count: [1, 1],
  flags: {
    ...criuFlags,
    bundle: { kind: 'text', short: 'b', value: 'DIR', help: 'the bundle directory (default: the working directory)' },
    detach: { kind: 'boolean', short: 'd', help: 'do not wait for the container' },
    'pid-file': stdioFlags['pid-file'],
    'console-socket': stdioFlags['console-socket'],
    'no-subreaper': { kind: 'boolean', help: 'do not become a subreaper (nrunc never does)' },
    'no-pivot': { kind: 'boolean', help: 'no effect, with a warning: criu moves the root itself' },
    'tcp-close': { kind: 'boolean', help: 'close the TCP connections of the checkpoint' },
    'lsm-profile': { kind: 'text', value: 'LABEL', help: 'another security label than at the checkpoint, as apparmor:NAME' },
    'lsm-mount-context': { kind: 'text', value: 'LABEL', help: 'another label of the mounts than at the checkpoint' },
  },
  async run(call) {
    const { flags, log } = call
    const { detach = false, consoleSocket, pidFile } = flags
    warnRootless('restore', log)
    if (flags.noPivot) log.warning('--no-pivot has no effect: criu moves the root itself')
    const bundle = resolve(flags.bundle || '.')
    const spec = readJson(join(bundle, 'config.json'), 'JSON specification file config.json not found') as Spec
    const terminal = spec?.process?.terminal === true
    checkTerminal(terminal, detach, consoleSocket)
    const { stdin, stdout, stderr } = stdioOptions(flags, terminal)
    const options = {
      ...criuOptions(flags), id: call.operands[0] as string, bundle, spec,
      stdin, stdout, stderr, pidFile: pidFile && resolve(pidFile), consoleSocket: consoleSocket && resolve(consoleSocket),
      tcpClose: flags.tcpClose, lsmProfile: flags.lsmProfile, lsmMountContext: flags.lsmMountContext,
    }
    const runtime = await openRuntime(call)
    if (detach) {
      await leaveProcesses()
      await runtime.restore(options)
      return 0
    }
    const { attended: container, code } = await attend(() => runtime.restore(options), (made) => made.wait({ stats: false }))
    await container.delete().catch((error: Error) => log.error(error.message))
    return code
  },
})
