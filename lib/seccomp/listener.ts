/**
 * Whoever answers for trapped system calls (SCMP_ACT_NOTIFY) gets the kernel's descriptor for them, with the state of the
 * process that they are trapped in. Source: config-linux.md "Seccomp", "The Container Process State".
 */
import type { Deadline } from '../options/deadline.ts'
import { NruncError } from '../errors.ts'
import { addon } from '../native/addon.ts'
import type { Child } from '../native/child.ts'
import { errnoName } from '../native/errno.ts'
import type { State } from '../options/options.ts'
import { connectSocket } from '../streams/socket.ts'
import { pointer } from '../spec/pointer.ts'
import type { Spec } from '../spec/schema.ts'
import { hasListener } from './flags.ts'
import { answerCalls, checkSeccompHandler, type SeccompHandler } from './notify.ts'

/** crun's names for a receiver, for configs that have none of their own. */
const ANNOTATION = 'run.oci.seccomp.receiver'
const VARIABLE = 'RUN_OCI_SECCOMP_RECEIVER'

const FIELD = '/linux/seccomp/listenerPath'

/** What is told of a process, besides its pid. */
export type ListenerState = Pick<State, 'ociVersion' | 'id' | 'status' | 'bundle' | 'annotations'>

/** The descriptor of one process on its way, to a socket or to a function. */
export class Listener {
  readonly #to: string | SeccompHandler
  readonly #metadata: string | undefined

  private constructor(to: string | SeccompHandler, metadata?: string) {
    this.#to = to
    this.#metadata = metadata
  }

  /**
   * The listener of a config, or HANDLER; undefined where nothing is trapped. A path without a trap is ignored, as the
   * specification has it.
   *
   * @throws NruncError ERR_CONFIG_INVALID when calls are trapped and nobody is there to answer; ERR_OPTION_INVALID for a
   * handler of what the config gives to somebody else, or does not trap
   */
  static of(
    { linux, annotations }: Spec, handler?: SeccompHandler, env: Readonly<Record<string, string | undefined>> = process.env,
  ): Listener | undefined {
    const profile = linux?.seccomp
    checkSeccompHandler(handler)
    if (profile === undefined || !hasListener(profile)) {
      if (handler !== undefined) throw refused('the config traps no system call (SCMP_ACT_NOTIFY)', '/linux/seccomp')
      return undefined
    }
    const named = profile.listenerPath || annotations?.[ANNOTATION] || ''
    if (handler !== undefined) {
      if (named !== '') throw refused('the config names a listener too: only one can answer', profile.listenerPath ? FIELD : pointer('annotations', ANNOTATION))
      return new Listener(handler)
    }
    const path = named || env[VARIABLE] || ''
    if (path !== '') return new Listener(path, profile.listenerMetadata)
    throw new NruncError('ERR_CONFIG_INVALID', `${FIELD}: seccomp listenerPath is not set`, {
      field: FIELD, hint: 'name a socket in listenerPath; the library takes a function instead, seccompNotify',
    })
  }

  /**
   * Wait for the descriptor of CHILD, and hand it over. To be called before the child can have been given its filter; its
   * failure is that of the child.
   *
   * @param describe - Called when the descriptor is there.
   * @param deadline - When it fires, a listener that is busy is not waited for any more.
   */
  deliver(child: Child, describe: () => ListenerState, deadline: Deadline | undefined): Promise<void> {
    const to = this.#to
    const delivered = child.takeListener().then(async (descriptor) => {
      if (typeof to === 'function') return answerCalls(descriptor, describe().id, to)
      try {
        await this.#send(to, descriptor, child.pid, { state: describe(), deadline })
      } finally {
        addon().close(descriptor)
      }
    })
    delivered.catch(() => undefined) // whoever waits for it hears of it
    return delivered
  }

  async #send(
    path: string, descriptor: number, pid: number, { state: known, deadline }: { readonly state: ListenerState; readonly deadline: Deadline | undefined },
  ): Promise<void> {
    const { ociVersion, id, status, bundle, annotations } = known
    const state = { ociVersion, id, status, pid, bundle, ...(annotations === undefined ? {} : { annotations }) }
    const message = JSON.stringify({
      ociVersion, fds: ['seccompFd'], pid, ...(this.#metadata ? { metadata: this.#metadata } : {}), state,
    })
    const socket = await connectSocket(path, { field: FIELD, deadline })
    const result = addon().sendDescriptor(socket, message, descriptor)
    addon().close(socket)
    if (result === 0) return
    const errno = errnoName(-result)
    const text = `cannot send the seccomp descriptor to ${JSON.stringify(path)}: ${errno}`
    throw new NruncError('ERR_NATIVE', text, { syscall: 'sendmsg', errno, operand: path, field: FIELD })
  }
}

const refused = (words: string, field: string): NruncError =>
  new NruncError('ERR_OPTION_INVALID', `seccompNotify: ${words}`, { field, operand: 'seccompNotify' })
