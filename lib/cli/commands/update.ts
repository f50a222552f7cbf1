import { readFileSync } from 'node:fs'
import { parseJson } from '../../spec/parse.ts'
import type { Resources } from '../../spec/schema.ts'
import { camelCase, defineCommand } from '../command.ts'
import { readJson } from '../read-json.ts'
import { openRuntime } from '../runtime.ts'
import { ignoredFlags, resourcesOf, updateFlags } from '../update-flags.ts'

/**
 * The resources in a file, or on the standard input for `-`. As in runc the rules for devices stay: containerd sends
 * along all that the container was created with, and another program (for a GPU) may have added to them since.
 */
const resourcesIn = (path: string): Resources => {
  const value = path === '-' ? parseJson(readFileSync(0, 'utf8'), 'standard input') : readJson(path)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value as Resources
  const { devices: _, ...resources } = value as Resources
  return resources
}

/** `nrunc update`: new limits for a container. */
export const command = defineCommand({
  name: 'update',
  summary: 'change the limits of a container',
  operands: '<container-id>',
  count: [1, 1],
  flags: {
    resources: {
      kind: 'text', short: 'r', value: 'FILE',
      help: 'the limits as JSON, as linux.resources in config.json; - for the standard input; other flags for cgroups are ignored then',
    },
    ...updateFlags,
    'l3-cache-schema': { kind: 'text', value: 'SCHEMA', help: 'Intel RDT: share of the L3 cache, as L3:0=f;1=f0' },
    'mem-bw-schema': { kind: 'text', value: 'SCHEMA', help: 'Intel RDT: memory bandwidth, as MB:0=50;1=70' },
  },
  async run(call) {
    const { resources: path = '', l3CacheSchema, memBwSchema } = call.flags
    const schemata = { ...(l3CacheSchema && { l3CacheSchema }), ...(memBwSchema && { memBwSchema }) }
    const runtime = await openRuntime(call)
    const container = await runtime.load(call.operands[0] as string)
    if (path !== '') return container.update(resourcesIn(path), schemata)
    for (const name of ignoredFlags) {
      const value = (call.flags as Readonly<Record<string, unknown>>)[camelCase(name)]
      if (value !== undefined && value !== '') call.log.warning(`Setting --${name} is ignored and will be removed`)
    }
    await container.update(resourcesOf(call.flags), schemata)
  },
})
