import { defineCommand } from '../command.ts'
import { openRuntime } from '../runtime.ts'

/** `nrunc pause`: all processes of a container stop where they are. */
export const command = defineCommand({
  name: 'pause',
  summary: 'suspend all processes of a container',
  operands: '<container-id>',
  count: [1, 1],
  flags: {},
  async run(call) {
    const runtime = await openRuntime(call)
    await (await runtime.load(call.operands[0] as string)).pause()
  },
})
