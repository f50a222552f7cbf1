import { join, resolve } from 'node:path'
import { explain } from '../../explain.ts'
import { stringifyJson } from '../../spec/parse.ts'
import type { Spec } from '../../spec/schema.ts'
import { defineCommand } from '../command.ts'
import { print } from '../output.ts'
import { readJson } from '../read-json.ts'
import { cgroupSettings } from '../runtime.ts'
import { UsageError } from '../usage-error.ts'

/** Bytes as base64, which JSON has no form for. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return value
}

/** `nrunc explain`: the plan of a bundle, without making anything. */
export const command = defineCommand({
  name: 'explain',
  summary: 'show what would be done to make a container',
  operands: '[container-id]',
  count: [0, 1],
  flags: {
    bundle: { kind: 'text', short: 'b', value: 'DIR', help: 'the bundle directory (default: the working directory)' },
    format: { kind: 'text', short: 'f', value: 'FORMAT', fallback: 'text', help: 'text (default) or json' },
  },
  async run({ flags, operands, settings }) {
    const { format } = flags
    if (format !== 'text' && format !== 'json') throw new UsageError(`invalid format option`, false)
    const bundle = resolve(flags.bundle ?? '.')
    const spec = readJson(join(bundle, 'config.json'), 'JSON specification file config.json not found') as Spec
    const steps = explain(spec, { bundle, id: operands[0], ...cgroupSettings(settings) })
    if (format === 'json') {
      const list = steps.map((step) => ({
        ...step, arguments: Object.fromEntries(Object.entries(step.arguments).map(([name, value]) => [name, plain(value)])),
      }))
      print(`${stringifyJson(list, 2)}\n`)
    } else {
      print(steps.map(({ by, text }, index) => `${String(index + 1).padStart(3)} ${by} ${text}\n`).join(''))
    }
  },
})
