import { NruncError } from '../../errors.ts'
import type { State } from '../../options/options.ts'
import { defineCommand } from '../command.ts'
import { print } from '../output.ts'
import { openRuntime } from '../runtime.ts'
import { formatTable } from '../table.ts'

const header = ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER']

const row = ({ id, pid, status, bundle, created, owner }: State) => [id, String(pid), status, bundle, created, owner]

/** `nrunc list`: every container of the state directory, as a table, as one line of JSON, or by id alone. */
export const command = defineCommand({
  name: 'list',
  summary: 'list the containers',
  operands: '',
  count: [0, 0],
  flags: {
    format: { kind: 'text', short: 'f', value: 'FORMAT', fallback: 'table', help: 'table (default) or json' },
    quiet: { kind: 'boolean', short: 'q', help: 'print the ids alone' },
  },
  async run(call) {
    const { format, quiet } = call.flags
    if (format !== 'table' && format !== 'json') throw new NruncError('ERR_OPTION_INVALID', 'invalid format option')
    const runtime = await openRuntime(call)
    const containers = await runtime.list()
    if (quiet) return print(containers.map(({ id }) => `${id}\n`).join(''))
    const states: State[] = []
    for (const container of containers) {
      try {
        states.push(await container.state())
      } catch (error) {
        call.log.warning(`container "${container.id}" is left out: ${(error as Error).message}`)
      }
    }
    print(format === 'json' ? `${JSON.stringify(states.length > 0 ? states : null)}\n` : formatTable([header, ...states.map(row)]))
  },
})
