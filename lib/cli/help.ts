/**
 * The help texts, in the form that runc's have. Only what is asked for is built.
 */
import { versionText } from '../version.ts'
import { type Definition, helpFlag } from './command.ts'
import type { Flag } from './words.ts'

const valueOf = (flag: Flag): string => {
  if (flag.kind === 'boolean') return ''
  if (flag.kind === 'number') return ' N'
  return flag.kind === 'text' && flag.bare !== undefined ? `[=${flag.value}]` : ` ${flag.value}`
}

const spelled = (name: string, flag: Flag): string =>
  [`--${name}`, ...(flag.short ? [`-${flag.short}`] : [])].map((text) => `${text}${valueOf(flag)}`).join(', ')

/** Lines of two columns, three spaces in. */
const columns = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...rows.map(([first]) => first.length))
  return rows.map(([first, second]) => `   ${first.padEnd(width)}  ${second}\n`).join('')
}

const flagRows = ({ flags }: Definition): string =>
  columns(Object.entries({ ...flags, ...helpFlag }).filter(([, { hidden }]) => !hidden)
    .map(([name, flag]) => [spelled(name, flag), flag.help]))

const heading = (name: string, summary: string, usage: string): string =>
  `NAME:\n   ${name} - ${summary}\n\nUSAGE:\n   ${name} ${usage}\n\n`

/** The help of one command. */
export const commandHelp = (definition: Definition): string => {
  const { name, summary, operands } = definition
  const usage = `[command options]${operands && ` ${operands}`}`
  return `${heading(`nrunc ${name}`, summary, usage)}OPTIONS:\n${flagRows(definition)}\n`
}

/** The help of the program: its version, its commands with a line each, and the global options. */
export const programHelp = (
  program: Definition,
  commands: readonly Pick<Definition, 'name' | 'summary'>[],
): string => {
  const rows = commands.map(({ name, summary }) => [name, summary] as const)
  const usage = '[global options] command [command options] [arguments...]'
  return heading(program.name, program.summary, usage)
    + `VERSION:\n   ${versionText().replace(/^nrunc version /, '')}\n`
    + `COMMANDS:\n${columns([...rows, ['help, h', 'show the help of the program or of one command']])}\n`
    + `GLOBAL OPTIONS:\n${flagRows(program)}\n`
}
