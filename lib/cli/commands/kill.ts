import { NruncError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { openRuntime } from '../runtime.ts'

const isGone = (error: unknown): boolean =>
  error instanceof NruncError && (error.code === 'ERR_STATUS' || error.errno === 'ESRCH')

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
      await container.kill(signal)
    } catch (error) {
      if (call.flags.all && isGone(error)) return
      throw error
    }
  },
})
