/**
 * The library as the commands use it.
 */
import type { Runtime } from '../runtime.ts'

/**
 * The runtime over the state directory of this call: `--root`, or else the library's default. Loaded only here, so that
 * `--version` and a wrong command line do not pay for it.
 */
export const openRuntime = async ({ root }: { readonly root: string | undefined }): Promise<Runtime> => {
  const { Runtime } = await import('../runtime.ts')
  return new Runtime(root === undefined ? {} : { root })
}
