import { spawnSync } from 'node:child_process'
import { NruncError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { print } from '../output.ts'
import { openRuntime } from '../runtime.ts'

/**
 * The header of ps(1)'s output, and the lines of the given processes.
 *
 * @throws {NruncError} ERR_OPTION_INVALID when the options of ps leave out the PID column.
 */
export const selectProcesses = (output: string, pids: readonly number[]): string => {
  const [header = '', ...lines] = output.split('\n')
  const column = header.trim().split(/\s+/).indexOf('PID')
  if (column < 0) throw new NruncError('ERR_OPTION_INVALID', "couldn't find PID field in ps output")
  const wanted = new Set(pids.map(String))
  const own = lines.filter((line) => wanted.has(line.trim().split(/\s+/)[column] ?? ''))
  return [header, ...own].map((line) => `${line}\n`).join('')
}

const runPs = (words: readonly string[]): string => {
  const { error, status, signal, stdout, stderr } = spawnSync('ps', words, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...process.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (error) throw new NruncError('ERR_HOST', `unable to execute ps: ${error.message}`, { operand: 'ps', cause: error })
  if (status === 0) return stdout
  const end = signal ? `killed by ${signal}` : `exit status ${status}`
  throw new NruncError('ERR_HOST', `unable to execute ps: ${end}: ${stderr.trim()}`, { operand: 'ps' })
}

/** `nrunc ps`: the processes of a container, by the host's pids. */
export const command = defineCommand({
  name: 'ps',
  summary: 'show the processes of a container',
  operands: '<container-id> [ps options]',
  count: [1, Infinity],
  stops: true,
  flags: {
    format: { kind: 'text', short: 'f', value: 'FORMAT', fallback: 'table', help: 'table (default) or json' },
  },
  async run(call) {
    const [id, ...options] = call.operands as [string, ...string[]]
    const { format } = call.flags
    if (format !== 'table' && format !== 'json') throw new NruncError('ERR_OPTION_INVALID', 'invalid format option')
    const runtime = await openRuntime(call)
    const container = await runtime.load(id)
    const pids = await container.processes()
    if (format === 'json') return print(`${JSON.stringify(pids)}\n`)
    print(selectProcesses(runPs(options.length > 0 ? options : ['-ef']), pids))
  },
})
