/**
 * The help texts. Only what is asked for is built.
 */
import { Command } from 'commander'
import { type Definition, toCommander } from './command.ts'

/** The help of one command. */
export const commandHelp = (definition: Definition): string => `${toCommander(definition).helpInformation()}\n`

/** The help of the program: its commands with a line each, and the global options. */
export const programHelp = (program: Definition, commands: readonly Pick<Definition, 'name' | 'summary'>[]): string => {
  const command = toCommander(program)
  const help = { name: 'help', summary: 'show the help of the program or of one command' }
  for (const { name, summary } of [...commands, help]) {
    command.addCommand(new Command(name).description(summary).helpOption(false))
  }
  return `${command.helpCommand(false).helpInformation()}\n`
}
