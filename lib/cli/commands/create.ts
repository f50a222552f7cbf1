import { defineCommand } from '../command.ts'
import { createFlags, createOptions } from '../create-options.ts'
import { leaveProcesses, openRuntime } from '../runtime.ts'

/** `nrunc create`: everything up to, but not including, the user's program. */
export const command = defineCommand({
  name: 'create',
  summary: 'create a container that waits for start',
  operands: '<container-id>',
  count: [1, 1],
  flags: createFlags,
  failure: { code: 1, prefix: 'nrunc create failed: ' },
  async run(call) {
    const options = createOptions(call, true)
    const runtime = await openRuntime(call)
    await leaveProcesses()
    await runtime.create(options)
  },
})
