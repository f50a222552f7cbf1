import { defineCommand } from '../command.ts'
import { openRuntime } from '../runtime.ts'
import { notifyOptions } from '../service.ts'

/** `nrunc start`: lets the program of a created container run; as a service that notifies, waits until it is ready. */
export const command = defineCommand({
  name: 'start',
  summary: 'run the program of a created container',
  operands: '<container-id>',
  count: [1, 1],
  flags: {},
  async run(call) {
    const runtime = await openRuntime(call)
    const container = await runtime.load(call.operands[0] as string)
    await container.start({ notify: notifyOptions(true) })
    await container.notified
  },
})
