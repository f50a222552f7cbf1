import { defineCommand } from '../command.ts'
import { createFlags, createOptions } from '../create-options.ts'
import { attend, terminalOptions } from '../foreground.ts'
import { leaveProcesses, openRuntime } from '../runtime.ts'
import { checkTimings, printTimings } from '../timings.ts'

/** `nrunc run`: create and start; in the foreground also attend the container, and delete it when it ends. */
export const command = defineCommand({
  name: 'run',
  summary: 'create and start a container',
  operands: '<container-id>',
  count: [1, 1],
  flags: {
    ...createFlags,
    detach: { kind: 'boolean', short: 'd', help: 'do not wait for the container' },
    keep: { kind: 'boolean', help: 'do not delete the container after it exits' },
    timings: { kind: 'text', value: 'FORMAT', bare: 'text', help: 'print when each step of the start happened, as text or json, to the standard error' },
    'no-subreaper': { kind: 'boolean', help: 'do not become a subreaper (nrunc never does)' },
  },
  failure: { code: 1, prefix: 'nrunc run failed: ' },
  async run(call) {
    const { detach = false, keep = false, timings } = call.flags
    checkTimings(timings)
    const options = createOptions(call, detach)
    const runtime = await openRuntime(call)
    const warn = (error: Error) => call.log.warning(error.message)
    if (detach) {
      await leaveProcesses()
      const container = await runtime.run(options)
      await printTimings(container, timings)
      await container.notified?.catch(warn)
      return 0
    }
    const terminal = options.spec.process?.terminal ? await terminalOptions() : {}
    let notified: Promise<unknown> | undefined
    const make = async () => {
      const container = await runtime.run({ ...options, ...terminal })
      notified = container.notified?.catch(warn)
      return container
    }
    const { attended: container, code } = await attend(make, (made) => made.wait({ stats: false }))
    await notified // the manager may not have been told yet what the program said just before its end
    await printTimings(container, timings)
    if (!keep) {
      await container.delete().catch((error: Error) => call.log.error(error.message))
    }
    return code
  },
})
