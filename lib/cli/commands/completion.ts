import { defineCommand } from '../command.ts'
import { type Shell, completionScript, shells } from '../completion.ts'
import { print } from '../output.ts'
import { UsageError } from '../usage-error.ts'

const isShell = (name: string | undefined): name is Shell => shells.includes(name as Shell)

/** `nrunc completion`: a script for a shell, which completes commands, flags and the ids of containers. */
export const command = defineCommand({
  name: 'completion',
  summary: 'print a script that completes command lines',
  operands: 'bash|zsh|fish',
  count: [1, 1],
  flags: {},
  async run({ operands: [shell] }) {
    if (!isShell(shell)) throw new UsageError(`unknown shell "${shell}"`)
    const { definitions } = await import('../main.ts')
    print(completionScript(shell, await definitions()))
  },
})
