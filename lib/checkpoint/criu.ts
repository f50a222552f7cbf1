/**
 * A conversation with criu in its service mode: `criu swrk FD`. Source: criu.org/RPC, criu, images/rpc.proto.
 */
import { closeSync, openSync } from 'node:fs'
import { type ErrorDetails, NruncError } from '../errors.ts'
import { findProgram } from '../bundle/facts.ts'
import { addon, job } from '../native/addon.ts'
import { errnoMessage, errnoName } from '../native/errno.ts'
import { signalName } from '../container/signals.ts'
import { type CriuFeatures, type CriuReply, type CriuRequest, replyFields, REQUEST, requestFields, requestNames } from './messages.ts'
import { decodeMessage, encodeMessage } from './protobuf.ts'

/** What criu tells of on its way. The descriptor, where one came along, belongs to the listener. */
export interface Notification {
  readonly script: string
  /** Host's pid of the first process; 0 where the notification is not about it. */
  readonly pid: number
  readonly descriptor: number | undefined
}

export type NotificationListener = (notification: Notification) => Promise<void> | void

interface CriuSetting {
  /** Its 0, 1 and 2, which a restored process gets; default /dev/null. */
  readonly stdio?: readonly number[] | undefined
  /** Its descriptors from {@link firstDescriptor} on. */
  readonly descriptors?: readonly number[] | undefined
  /** Name of its session keyring, which restored processes have; default: a new one. It has nothing of the caller's. */
  readonly keyring?: string | undefined
  /** In a mount namespace of its own, where SOURCE is mounted on TARGET too. */
  readonly mount?: { readonly source: string; readonly target: string; readonly readonly: boolean } | undefined
}

/** The number of the first of `descriptors` in criu; 3 is the socket. */
export const firstDescriptor = 4

const SIGKILL = 9

/** What a request could not do. */
export class CriuFailure extends NruncError {
  /** Why, in criu's words, where it has some. */
  readonly reason: string | undefined

  constructor(code: 'ERR_CRIU', message: string, details: ErrorDetails & { readonly reason?: string | undefined } = {}) {
    super(code, message, details)
    this.reason = details.reason
  }
}

/** criu reads its configuration from HOME and calls other programs; nothing else of the caller's is for it. */
function environment(): string[] {
  const { PATH, HOME, CRIU_CONFIG_FILE } = process.env
  const path = `${PATH ? `${PATH}:` : ''}/usr/sbin:/usr/bin:/sbin:/bin`
  return Object.entries({ PATH: path, HOME, CRIU_CONFIG_FILE }).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
}

/** One process of criu, which serves one request. */
export class Criu {
  readonly pid: number
  readonly #socket: number

  private constructor(pid: number, socket: number) {
    this.pid = pid
    this.#socket = socket
  }

  /** @throws NruncError ERR_CRIU when there is none, or it cannot be started */
  static async start({ stdio, descriptors = [], mount, keyring = '' }: CriuSetting = {}): Promise<Criu> {
    const path = findProgram('criu')
    if (path === undefined) throw new NruncError('ERR_CRIU', 'cannot find criu in PATH: it is what makes and restores checkpoints', { operand: 'criu' })
    const nothing = stdio === undefined ? openSync('/dev/null', 'r+') : undefined
    try {
      const given = [...stdio ?? [nothing!, nothing!, nothing!], ...descriptors]
      const { a: socket, b, data } = await job((native, id) =>
        native.openSession(id, path, ['criu', 'swrk', '3'], environment(), given, mount?.source ?? '', mount?.target ?? '', mount?.readonly ?? false, keyring))
      if (b > 0) return new Criu(b, socket)
      const details = { syscall: data.toString(), errno: errnoName(-b), operand: mount?.source ?? path }
      throw new NruncError('ERR_CRIU', `cannot start ${path}: ${details.syscall}: ${errnoMessage(-b)}`, details)
    } finally {
      if (nothing !== undefined) closeSync(nothing)
    }
  }

  /**
   * Send a request and wait for its reply. What the listener throws ends the request, and is thrown when criu has undone
   * what it had done.
   *
   * @throws CriuFailure
   */
  async ask(request: CriuRequest, listener: NotificationListener = () => {}): Promise<CriuReply> {
    let broken: { readonly error: unknown } | undefined
    for (let message = request; ;) {
      const reply = await this.#exchange(message).catch((error: unknown) => { throw broken?.error ?? error })
      if (reply.type !== REQUEST.notify || !reply.reply.success) {
        if (broken !== undefined) throw broken.error
        if (!reply.reply.success) throw failure(reply.reply)
        return reply.reply
      }
      try {
        const { script = '', pid = 0 } = reply.reply.notify ?? {}
        await listener({ script, pid, descriptor: reply.descriptor })
      } catch (error) {
        broken ??= { error }
      }
      message = { type: REQUEST.notify, notifySuccess: broken === undefined }
    }
  }

  async #exchange(message: CriuRequest): Promise<{ readonly type: number | undefined; readonly reply: CriuReply; readonly descriptor: number | undefined }> {
    const { a, b, data } = await job((native, id) => native.exchange(id, this.#socket, encodeMessage(requestFields, message)))
    if (b < 0) throw new CriuFailure('ERR_CRIU', `cannot talk to criu: ${errnoMessage(-b)}`, { errno: errnoName(-b), syscall: 'recvmsg' })
    if (data.length === 0) throw new CriuFailure('ERR_CRIU', 'criu ended without an answer')
    try {
      const reply = decodeMessage(replyFields, data)
      return { type: reply.type, reply, descriptor: a >= 0 ? a : undefined }
    } catch (cause) {
      if (a >= 0) addon().close(a)
      throw new CriuFailure('ERR_CRIU', `criu answers what nobody understands: ${(cause as Error).message}`, { cause })
    }
  }

  /** Wait for its end, which a closed conversation brings about; with KILL whatever it is doing. @returns what is wrong with it */
  async end({ kill = false } = {}): Promise<string | undefined> {
    addon().close(this.#socket)
    if (kill) process.kill(this.pid, SIGKILL) // a child that nobody has waited for yet: the pid is its own
    const { a: code, b: signal } = await job((native, id) => native.awaitChild(id, this.pid))
    return code === 0 ? undefined : code > 0 ? `exit status ${code}` : `signal: ${signalName(signal)}`
  }
}

function failure({ type = 0, errno = 0, message }: CriuReply): CriuFailure {
  return new CriuFailure('ERR_CRIU', `criu failed: type ${requestNames[type] ?? type} errno ${errno}`, {
    step: requestNames[type], errno: errno > 0 ? errnoName(errno) : undefined, reason: message?.trim(),
  })
}

/** A request that has no files and changes nothing. */
async function askOnce(request: CriuRequest): Promise<CriuReply> {
  const criu = await Criu.start()
  try {
    return await criu.ask(request)
  } finally {
    await criu.end()
  }
}

/** As runc writes it: 31700 for 3.17. A version between two releases counts as the later one. */
async function criuVersion(): Promise<number> {
  const { version } = await askOnce({ type: REQUEST.version }).catch((cause: unknown) => {
    if (!(cause instanceof CriuFailure)) throw cause
    throw new NruncError('ERR_CRIU', `criu version check failed: ${cause.message}`, { cause })
  })
  const { major = 0, minor = 0, sublevel = 0, gitId = '' } = version ?? {}
  return gitId === '' ? major * 10000 + minor * 100 + sublevel : major * 10000 + (minor + 1) * 100
}

/** The first that has the request for its version, as in runc. */
const oldest = 30000

/** @returns its version. @throws NruncError ERR_CRIU where it is missing or too old */
export async function requireCriu(): Promise<number> {
  const version = await criuVersion()
  if (version >= oldest) return version
  throw new NruncError('ERR_CRIU', `criu version ${version} must be ${oldest} or higher`, { operand: String(version) })
}

/** @throws NruncError ERR_CRIU for what this criu, on this kernel, cannot do */
export async function requireFeature(name: keyof CriuFeatures): Promise<void> {
  const { features } = await askOnce({ type: REQUEST.featureCheck, features: { [name]: true } })
  if (features?.[name] !== true) throw new NruncError('ERR_CRIU', `criu is missing features: ${name}`, { operand: name })
}
