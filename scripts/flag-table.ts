/** The tables at the end of docs/commands.md, made from the definitions of the commands and the list of their tests. */
import type { Definition } from '../lib/cli/command.ts'
import { definitions } from '../lib/cli/main.ts'
import type { Flag } from '../lib/cli/words.ts'
import { flagTests } from '../test/flags.ts'
import { linkTo } from '../test/helpers/titles.ts'

/** Everything from this line on is made. */
export const mark = '<!-- From here on: npm run docs -->'

const { program, commands } = await definitions()

/** The keys that `flagTests` must have, in their order. */
export const keys: readonly string[] = [program, ...commands].flatMap(({ name, flags }) => [
  ...(name === program.name ? [] : [name]),
  ...Object.keys(flags).map((flag) => (name === program.name ? `--${flag}` : `${name} --${flag}`)),
])

const cell = (text: string): string => text.replaceAll('|', '\\|')

const tests = (key: string): string => (flagTests[key] ?? []).map(linkTo).join('<br>')

const spelled = (name: string, flag: Flag): string => {
  const value = flag.kind === 'boolean' ? '' : flag.kind === 'number' ? ' N' : ` ${flag.value}`
  return `\`${cell(`${flag.short ? `-${flag.short}, ` : ''}--${name}${value}`)}\``
}

const table = ({ name, operands, summary, flags }: Definition): string => {
  const own = name === program.name
  const rows = Object.entries(flags).map(([flag, about]) =>
    `| ${spelled(flag, about)} | ${cell(about.help)}${about.hidden ? ' (not in the help)' : ''} | ${tests(own ? `--${flag}` : `${name} --${flag}`)} |`)
  const first = own ? [] : [`| \`${cell(`${name} ${operands}`.trim())}\` | ${cell(summary)} | ${tests(name)} |`]
  return `### ${own ? 'Global' : name}\n\n| | what it does | test |\n|---|---|---|\n${[...first, ...rows].join('\n')}\n`
}

/** The text of docs/commands.md with its tables made anew. */
export const withTables = (text: string): string =>
  `${text.slice(0, text.indexOf(mark))}${mark}\n\n${[program, ...commands].map(table).join('\n')}`
