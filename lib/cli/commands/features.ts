import { features } from '../../features.ts'
import { defineCommand } from '../command.ts'
import { print } from '../output.ts'

/** `nrunc features`: the features document, indented as runc does. */
export const command = defineCommand({
  name: 'features',
  summary: 'print what config.json may ask for, as JSON',
  operands: '',
  count: [0, 0],
  flags: {},
  async run() {
    print(`${JSON.stringify(features(), null, 4)}\n`)
  },
})
