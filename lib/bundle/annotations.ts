/**
 * Annotations of other runtimes that change how a container is made. Source: crun(1), "Extensions to OCI".
 */
import { NruncError } from '../errors.ts'
import type { StdioOptions } from '../options/options.ts'
import { pointer } from '../spec/pointer.ts'
import type { Spec } from '../spec/schema.ts'

const receiver = 'run.oci.pidfd_receiver'

/**
 * The options with the socket that the config names for the pidfd of the container's process.
 *
 * @throws NruncError ERR_OPTION_INVALID when the options have one too
 */
export function withReceiver<Options extends StdioOptions>(options: Options, { annotations }: Spec): Options {
  const path = annotations?.[receiver]
  if (path === undefined) return options
  if (options.pidfdSocket === undefined) return { ...options, pidfdSocket: path }
  throw new NruncError('ERR_OPTION_INVALID', `a pidfd socket is given, and the annotation ${receiver} too`, {
    field: pointer('annotations', receiver), operand: options.pidfdSocket,
  })
}
