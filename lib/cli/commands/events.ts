import type { Container } from '../../container/container.ts'
import { NruncError } from '../../errors.ts'
import { type Call, defineCommand } from '../command.ts'
import { parseDuration } from '../numbers.ts'
import { print } from '../output.ts'
import { openRuntime } from '../runtime.ts'
import { eventLine, statisticsData } from '../statistics.ts'

const printStatistics = async (container: Container): Promise<void> =>
  print(eventLine('stats', container.id, statisticsData(await container.stats())))

/** Until the container, or on v1 its cgroup, is gone. */
const follow = (container: Container, interval: number, log: Call['log']): Promise<void> =>
  new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const watch = container.watchOom({
      oom: () => print(eventLine('oom', container.id)),
      end: () => {
        clearInterval(timer)
        resolve()
      },
    })
    watch.then(() => {
      timer = setInterval(() => {
        printStatistics(container).catch((error: Error) => log.error(error.message))
      }, interval)
    }, reject)
  })

/** `nrunc events`: what a container uses, once or again and again, and when it runs out of memory. */
export const command = defineCommand({
  name: 'events',
  summary: 'show what a container uses, and when it runs out of memory',
  operands: '<container-id>',
  count: [1, 1],
  flags: {
    interval: { kind: 'text', value: 'DURATION', fallback: '5s', help: 'time between two statistics, as 500ms (default 5s)' },
    stats: { kind: 'boolean', help: 'print the statistics once' },
  },
  async run(call) {
    const interval = parseDuration('interval', call.flags.interval)
    const runtime = await openRuntime(call)
    const container = await runtime.load(call.operands[0] as string)
    if (interval <= 0) throw new NruncError('ERR_OPTION_INVALID', 'duration interval must be greater than 0')
    if ((await container.state()).status === 'stopped') {
      throw new NruncError('ERR_STATUS', `container with id ${container.id} is not running`, { operand: container.id })
    }
    return call.flags.stats ? printStatistics(container) : follow(container, interval, call.log)
  },
})
