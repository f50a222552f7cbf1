/**
 * Trapped system calls (SCMP_ACT_NOTIFY) that JavaScript answers. The addon's epoll thread takes them from the kernel;
 * JavaScript runs when there is one. Source: seccomp_unotify(2).
 */
import { constants } from 'node:os'
import { NruncError } from '../errors.ts'
import { addon, EVENT, subscribe, unsubscribe } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import { type SeccompCall, type SeccompDescriptor, TrappedCall } from './call.ts'

/**
 * What becomes of a call: it goes on as if it were not trapped, which is no way to allow some and refuse others by what is
 * in memory (the caller may change it in between); it fails with an errno, by number or name; it has a value; or it gives
 * the number of a descriptor that is put into the process, as open(2) does (Linux 5.14).
 */
export type SeccompAnswer =
  | { readonly continue: true }
  | { readonly errno: number | string }
  | { readonly value: number | bigint }
  | { readonly addFd: SeccompDescriptor }

/**
 * Answers trapped calls; many may wait at a time. What it throws makes the call fail with EPERM, and is a warning.
 *
 * @example
 * const answer: SeccompHandler = ({ name }) => (name === 'mount' ? { errno: 'EPERM' } : { continue: true })
 */
export type SeccompHandler = (call: SeccompCall) => SeccompAnswer | Promise<SeccompAnswer>

const EPERM = 1, ENOENT = 2
const MAX_ERRNO = 4095
const CONTINUE = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE

/** @throws NruncError ERR_OPTION_INVALID */
export function checkSeccompHandler(handler: unknown): void {
  if (handler === undefined || typeof handler === 'function') return
  throw new NruncError('ERR_OPTION_INVALID', 'seccompNotify must be a function', { operand: 'seccompNotify' })
}

/** Answer the calls that LISTENER (taken over) tells of, until the last process under its filter has ended. */
export function answerCalls(listener: number, container: string, handler: SeccompHandler): void {
  const waiting = new Set<TrappedCall>()
  const id = subscribe((type, gone, _b, data) => {
    if (type === EVENT.trapped) {
      const call = new TrappedCall(id, container, data)
      waiting.add(call)
      void answer(id, call, handler).finally(() => waiting.delete(call))
    } else if (type === EVENT.notified && gone === 1) {
      unsubscribe(id)
      for (const call of waiting) call.end()
      waiting.clear()
    }
  })
  const result = addon().watchTrapped(id, listener)
  if (result === 0) return
  unsubscribe(id)
  throw new NruncError('ERR_NATIVE', `cannot listen for trapped system calls: ${errnoName(-result)}`, { errno: errnoName(-result) })
}

async function answer(id: number, call: TrappedCall, handler: SeccompHandler): Promise<void> {
  try {
    await give(id, call, await handler(call))
  } catch (cause) {
    // One that is over (interrupted, or its thread has ended) needs no answer, and what went wrong with it is no news.
    if (send(id, call, 0n, EPERM) === ENOENT) return
    const text = `seccompNotify failed for ${call.name ?? call.number} of container ${call.container}, which got EPERM: `
    process.emitWarning(new NruncError('ERR_NATIVE', text + (cause instanceof Error ? cause.message : String(cause)), { cause }))
  }
}

/** @throws NruncError ERR_OPTION_INVALID for what is no answer; ERR_NATIVE */
async function give(id: number, call: TrappedCall, given: unknown): Promise<unknown> {
  const { continue: goOn, errno, value, addFd } = Object(given) as { [K in 'continue' | 'errno' | 'value' | 'addFd']?: unknown }
  const forms = [goOn, errno, value, addFd].filter((one) => one !== undefined).length
  if (forms === 1 && goOn === true) return send(id, call, 0n, 0, CONTINUE)
  if (forms === 1 && errno !== undefined) return send(id, call, 0n, errnoOf(errno))
  if (forms === 1 && value !== undefined) return send(id, call, valueOf(value), 0)
  if (forms === 1 && typeof addFd === 'object' && addFd !== null) return call.add(addFd as SeccompDescriptor, true)
  throw invalid('must give { continue: true }, { errno }, { value } or { addFd }')
}

/** @returns 0, or ENOENT for a call that is over */
const send = (id: number, call: TrappedCall, value: bigint, errno: number, flags = 0): number =>
  -addon().answerCall(id, call.id, value, errno, flags)

function errnoOf(given: unknown): number {
  const errno = typeof given === 'string' ? constants.errno[given as keyof typeof constants.errno] : given
  if (Number.isInteger(errno) && (errno as number) >= 1 && (errno as number) <= MAX_ERRNO) return errno as number
  throw invalid(`gave the errno ${String(given)}: it must be a name, or a number from 1 to ${MAX_ERRNO}`)
}

function valueOf(given: unknown): bigint {
  const value = typeof given === 'number' && Number.isSafeInteger(given) ? BigInt(given) : given
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return value
  throw invalid(`gave the value ${String(given)}: it must be an integer of 64 bits`)
}

const invalid = (words: string): NruncError => new NruncError('ERR_OPTION_INVALID', `seccompNotify ${words}`, { operand: 'seccompNotify' })
