/**
 * The flags that `create` and `run` share, and the library's options that they become.
 */
import { basename, join, resolve } from 'node:path'
import type { CreateOptions } from '../options/options.ts'
import type { Spec } from '../spec/schema.ts'
import type { Values } from './command.ts'
import { readJson } from './read-json.ts'
import { serviceOptions } from './service.ts'
import { checkTerminal, stdioFlags, stdioOptions } from './stdio-options.ts'

export const createFlags = {
  bundle: { kind: 'text', short: 'b', value: 'DIR', help: 'the bundle directory (default: the working directory)' },
  config: { kind: 'text', short: 'f', value: 'FILE', help: "the configuration (default: the bundle's config.json)" },
  ...stdioFlags,
  'no-pivot': { kind: 'boolean', help: 'do not use pivot_root, for a rootfs on a ramdisk' },
  'no-new-keyring': { kind: 'boolean', help: "keep the caller's session keyring" },
} as const

interface CreateCall {
  readonly flags: Values<typeof createFlags>
  readonly operands: readonly string[]
}

/**
 * The options of a `create` or `run`. config.json is read here, because its `process.terminal` decides where the
 * streams go; the library checks the rest of it.
 *
 * @throws {NruncError} ERR_CONFIG_READ, ERR_CONFIG_PARSE, ERR_OPTION_INVALID
 */
export const createOptions = ({ flags, operands }: CreateCall, detach: boolean): CreateOptions & { spec: Spec } => {
  const bundle = resolve(flags.bundle ?? '.')
  const config = flags.config === undefined ? join(bundle, 'config.json') : resolve(flags.config)
  const spec = readJson(config, `JSON specification file ${basename(config)} not found`) as Spec
  const terminal = spec?.process?.terminal === true
  checkTerminal(terminal, detach, flags.consoleSocket)
  return {
    id: operands[0],
    bundle,
    spec,
    noPivot: flags.noPivot,
    noNewKeyring: flags.noNewKeyring,
    ...serviceOptions(detach),
    ...stdioOptions(flags, terminal),
  }
}
