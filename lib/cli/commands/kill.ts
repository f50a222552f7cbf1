import { NruncError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { openRuntime } from '../runtime.ts'
import { parseSignal } from '../signals.ts'

/** `nrunc kill`: a signal to the container's init. */
export const command = defineCommand({
  name: 'kill',
  summary: "send a signal (default SIGTERM) to the container's init",
  operands: '<container-id> [signal]',
  count: [1, 2],
  flags: {
    all: { kind: 'boolean', short: 'a', hidden: true, help: 'a container that is not running is no error' },
  },
  async run(call) {
    const [id, signal = 'SIGTERM'] = call.operands as [string, string?]
    const runtime = await openRuntime(call)
    const container = await runtime.load(id)
    try {
      await container.kill(parseSignal(signal))
    } catch (error) {
      if (call.flags.all && error instanceof NruncError && error.code === 'ERR_STATUS') return
      throw error
    }
  },
})
