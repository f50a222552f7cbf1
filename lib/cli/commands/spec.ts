import { statfsSync, writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { NruncError } from '../../errors.ts'
import { stringifyJson } from '../../spec/parse.ts'
import type { Spec } from '../../spec/schema.ts'
import { defineCommand } from '../command.ts'
import { UsageError } from '../usage-error.ts'

const write = (path: string, spec: Spec): void => {
  try {
    writeFileSync(path, `${stringifyJson(spec, '\t')}\n`, { flag: 'wx', mode: 0o666 })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const message = code === 'EEXIST' ? `File ${basename(path)} exists. Remove it first` : `cannot write ${path}: ${code}`
    throw new NruncError('ERR_OPTION_INVALID', message, { errno: code, operand: path, cause })
  }
}

const CGROUP2_SUPER_MAGIC = 0x63677270

/** runc's default has a cgroup namespace on hosts with nothing but cgroup v2. */
const hasOnlyCgroup2 = (): boolean => {
  try {
    return statfsSync('/sys/fs/cgroup').type === CGROUP2_SUPER_MAGIC
  } catch {
    return false
  }
}

/** `nrunc spec`: the config.json to begin with. */
export const command = defineCommand({
  name: 'spec',
  summary: 'write a config.json to begin with',
  operands: '[command for --host]',
  count: [0, Infinity],
  stops: true,
  flags: {
    bundle: { kind: 'text', short: 'b', value: 'DIR', help: 'the bundle directory (default: the working directory)' },
    file: { kind: 'text', short: 'f', value: 'FILE', help: 'the file to write, from the bundle on (default: config.json)' },
    rootless: { kind: 'boolean', help: 'for a container without root' },
    host: { kind: 'boolean', help: "with the host's own programs as the root file system, read-only" },
  },
  async run(call) {
    const { bundle = '.', file, rootless = false, host = false } = call.flags
    const args = call.operands
    if (args.length > 0 && !host) throw new UsageError('nrunc: "spec" requires exactly 0 argument(s)', false)
    const directory = resolve(bundle)
    const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0]
    if (host) {
      if (file !== undefined) throw new NruncError('ERR_OPTION_INVALID', 'cannot use --file together with --host')
      const { writeHostBundle } = await import('../../bundle/host-bundle.ts')
      await writeHostBundle(directory, {
        args: args.length > 0 ? args : undefined,
        rootless: rootless ? { uid, gid } : undefined,
      })
      return
    }
    const { defaultSpec, rootlessSpec } = await import('../../spec/defaults.ts')
    const spec = defaultSpec({ cgroupNamespace: hasOnlyCgroup2() })
    write(resolve(directory, file ?? 'config.json'), rootless ? rootlessSpec(spec, uid, gid) : spec)
  },
})
