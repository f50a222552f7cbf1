/**
 * The library as the commands use it.
 */
import { NruncError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'

/**
 * The runtime over the state directory of this call: `--root`, or else the library's default. Loaded only here, so that
 * `--version` and a wrong command line do not pay for it.
 *
 * @throws {NruncError} ERR_OPTION_INVALID for `--root` with nothing or `/`.
 */
export const openRuntime = async ({ root }: { readonly root: string | undefined }): Promise<Runtime> => {
  if (root === '') throw new NruncError('ERR_OPTION_INVALID', 'the state root cannot be empty')
  const { Runtime } = await import('../runtime.ts')
  return new Runtime(root === undefined ? {} : { root })
}
