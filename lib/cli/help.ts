/**
 * The help texts, in commander's form. Only what is asked for is built, and only then is commander loaded.
 */
import { Command, Option } from 'commander'
import { type Definition, helpFlag } from './command.ts'
import type { Flag } from './words.ts'

const toOption = (name: string, flag: Flag): Option => {
  const spelled = `${flag.short ? `-${flag.short}, ` : ''}--${name}`
  const option = new Option(spelled, flag.help).hideHelp(flag.hidden ?? false)
  if (flag.kind === 'number') option.flags = `${spelled} N`
  if (flag.kind === 'text' || flag.kind === 'list') option.flags = flag.kind === 'text' && flag.bare !== undefined ? `${spelled}[=${flag.value}]` : `${spelled} ${flag.value}`
  return option
}

const toCommander = ({ name, summary, operands, flags }: Definition): Command => {
  const command = new Command(name === 'nrunc' ? name : `nrunc ${name}`)
  command.description(summary).usage(`[options]${operands && ` ${operands}`}`).helpOption(false).helpCommand(false)
  for (const [flag, about] of Object.entries({ ...flags, ...helpFlag })) command.addOption(toOption(flag, about))
  return command
}

/** The help of one command. */
export const commandHelp = (definition: Definition): string => `${toCommander(definition).helpInformation()}\n`

/** The help of the program: its commands with a line each, and the global options. */
export const programHelp = (
  program: Definition,
  commands: readonly Pick<Definition, 'name' | 'summary'>[],
): string => {
  const command = toCommander(program)
  const help = { name: 'help', summary: 'show the help of the program or of one command' }
  for (const { name, summary } of [...commands, help]) {
    command.addCommand(new Command(name).description(summary).helpOption(false))
  }
  return `${command.helpInformation()}\n`
}
