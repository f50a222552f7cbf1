import { defineCommand } from '../command.ts'
import { print } from '../output.ts'
import { openRuntime } from '../runtime.ts'

/** `nrunc state`: the state as JSON with two spaces of indentation and no newline at the end, as runc writes it. */
export const command = defineCommand({
  name: 'state',
  summary: 'print the state of a container',
  operands: '<container-id>',
  count: [1, 1],
  flags: {},
  async run(call) {
    const runtime = await openRuntime(call)
    const container = await runtime.load(call.operands[0] as string)
    print(JSON.stringify(await container.state(), null, 2))
  },
})
