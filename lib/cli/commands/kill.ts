import type { Container } from '../../container/container.ts'
import { NruncError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { eachMatching, regexFlag } from '../each.ts'
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
    regex: regexFlag,
  },
  async run({ flags, operands, settings, log }) {
    const [id, signal = 'SIGTERM'] = operands as [string, string?]
    const runtime = await openRuntime({ settings })
    const kill = async (container: Container) => {
      try {
        await container.kill(signal)
      } catch (error) {
        if (!(flags.all && isGone(error))) throw error
      }
    }
    if (flags.regex) return eachMatching(runtime, id, log, kill)
    await kill(await runtime.load(id))
    return 0
  },
})
