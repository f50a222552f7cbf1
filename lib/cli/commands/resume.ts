import { defineCommand } from '../command.ts'
import { openRuntime } from '../runtime.ts'

/** `nrunc resume`: a paused container goes on. */
export const command = defineCommand({
  name: 'resume',
  summary: 'resume all processes of a paused container',
  operands: '<container-id>',
  count: [1, 1],
  flags: {},
  async run(call) {
    const runtime = await openRuntime(call)
    await (await runtime.load(call.operands[0] as string)).resume()
  },
})
