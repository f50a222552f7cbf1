import { NruncError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { openRuntime } from '../runtime.ts'

/** `nrunc delete`: what is left of a stopped container; with `--force` also a running one, or none. */
export const command = defineCommand({
  name: 'delete',
  summary: 'delete a container that has stopped',
  operands: '<container-id>',
  count: [1, 1],
  flags: {
    force: { kind: 'boolean', short: 'f', help: 'kill the container if it still runs; no error if there is none' },
  },
  async run(call) {
    const force = call.flags.force ?? false
    const runtime = await openRuntime(call)
    try {
      await runtime.delete(call.operands[0] as string, { force })
    } catch (error) {
      if (force && error instanceof NruncError && error.code === 'ERR_NOT_FOUND') return
      throw error
    }
  },
})
