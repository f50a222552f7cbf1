import { NruncError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { eachMatching, regexFlag } from '../each.ts'
import { openRuntime } from '../runtime.ts'

/** `nrunc delete`: what is left of a stopped container; with `--force` also a running one, or none. */
export const command = defineCommand({
  name: 'delete',
  summary: 'delete a container that has stopped',
  operands: '<container-id>',
  count: [1, 1],
  flags: {
    force: { kind: 'boolean', short: 'f', help: 'kill the container if it still runs; no error if there is none' },
    regex: regexFlag,
  },
  async run({ flags, operands, settings, log }) {
    const [id] = operands as [string]
    const force = flags.force ?? false
    const runtime = await openRuntime({ settings })
    const remove = (one: string): Promise<void> => runtime.delete(one, { force }).catch((error: unknown) => {
      if (!(force && error instanceof NruncError && error.code === 'ERR_NOT_FOUND')) throw error
    })
    if (flags.regex) return eachMatching(runtime, id, log, (container) => remove(container.id))
    await remove(id)
    return 0
  },
})
