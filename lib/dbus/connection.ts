/**
 * A connection to a D-Bus server over a UNIX socket: calls, their answers, signals. No call waits without end.
 */
import { createConnection, type Socket } from 'node:net'
import { decodeMessage, encodeMessage, type Message, MESSAGE } from './message.ts'

/** A method, where it is, and what it is called with. */
export interface MethodCall {
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature?: string
  readonly body?: readonly unknown[]
}

/** The other side's refusal, or the end of the connection (`name` is then empty). */
export class DbusError extends Error {
  override readonly name = 'DbusError'
  /** e.g. `org.freedesktop.systemd1.UnitExists`; empty when no answer came. */
  readonly errorName: string

  constructor(errorName: string, message: string) {
    super(message)
    this.errorName = errorName
  }
}

interface Pending {
  resolve(body: readonly unknown[]): void
  reject(error: Error): void
}

export class DbusConnection {
  readonly #socket: Socket
  readonly #timeout: number
  readonly #pending = new Map<number, Pending>()
  readonly #listeners = new Set<(signal: Message) => void>()
  #received: Buffer = Buffer.alloc(0)
  #authenticated = false
  #serial = 0
  #failure: DbusError | undefined

  /**
   * Connect to the socket at PATH; an abstract one begins with NUL. What goes wrong is the error of the first call.
   *
   * @param options.timeout milliseconds that a call may take
   * @param options.bus whether it is a bus, which wants to be greeted, or a server alone
   */
  constructor(path: string, { timeout, bus }: { readonly timeout: number; readonly bus: boolean }) {
    this.#timeout = timeout
    this.#socket = createConnection({ path })
    this.#socket.on('data', (bytes: Buffer) => this.#receive(bytes))
    this.#socket.on('error', (error) => this.#fail(`cannot connect to ${JSON.stringify(path)}: ${error.message}`))
    this.#socket.once('close', () => this.#fail('the connection was closed'))
    // The server takes the identity from the socket, so that the caller's uid in a user namespace does not matter. All
    // of it is sent at once: there is only one way that it can go on.
    this.#socket.write('\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n')
    if (bus) {
      const name = 'org.freedesktop.DBus'
      this.call({ destination: name, path: '/org/freedesktop/DBus', interface: name, member: 'Hello' }).catch(() => {})
    }
    this.#socket.unref()
  }

  /** Whether calls have a chance. */
  get open(): boolean { return this.#failure === undefined }

  /** @throws DbusError the other side's refusal; the end of the connection; no answer in time */
  call({ signature = '', body = [], ...where }: MethodCall): Promise<readonly unknown[]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const serial = ++this.#serial
    const signed = signature === '' ? {} : { signature }
    this.#socket.write(encodeMessage({ type: MESSAGE.call, serial, ...where, ...signed, body }))
    return this.#within(where.member, (settle) => {
      this.#pending.set(serial, settle)
      return () => this.#pending.delete(serial)
    })
  }

  /**
   * The body of the first signal that WANTED says yes to; `stop` ends the waiting. To be called before what causes it.
   * The promise rejects as {@link call} does.
   */
  signal(what: string, wanted: (signal: Message) => boolean): { readonly body: Promise<readonly unknown[]>; stop(): void } {
    let settled: Pending | undefined
    const onClose = (): void => settled?.reject(this.#failure!)
    const body = this.#within(what, (settle) => {
      settled = settle
      const listener = (signal: Message): void => {
        if (wanted(signal)) settle.resolve(signal.body)
      }
      this.#listeners.add(listener)
      this.#socket.on('close', onClose)
      return () => {
        this.#listeners.delete(listener)
        this.#socket.off('close', onClose)
      }
    })
    body.catch(() => {})
    return { body, stop: () => settled?.resolve([]) }
  }

  close(): void {
    this.#socket.destroy()
  }

  /** The event loop waits for an answer, and for nothing else here. */
  #within(what: string, begin: (settle: Pending) => () => void): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      this.#socket.ref()
      const end = (): void => {
        clearTimeout(timer)
        forget()
        if (this.#pending.size === 0 && this.#listeners.size === 0) this.#socket.unref()
      }
      const timer = setTimeout(() => {
        end()
        reject(new DbusError('', `no answer to ${what} within ${this.#timeout / 1000} s`))
      }, this.#timeout)
      const forget = begin({
        resolve: (body) => { end(); resolve(body) },
        reject: (error) => { end(); reject(error) },
      })
    })
  }

  #receive(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes])
    try {
      if (!this.#authenticated) this.#authenticate()
      if (this.#authenticated) this.#readMessages()
    } catch (error) {
      this.#fail((error as Error).message)
    }
  }

  /** The answers to AUTH and DATA are lines; what comes after the second one is messages. */
  #authenticate(): void {
    const lines = this.#received.toString('latin1').split('\r\n')
    const last = lines.findIndex((line) => /^(OK|REJECTED|ERROR)/.test(line))
    if (last < 0 || last === lines.length - 1) return
    if (!lines[last]!.startsWith('OK')) throw new Error(`the server refuses the connection: ${lines[last]}`)
    this.#authenticated = true
    this.#received = this.#received.subarray(lines.slice(0, last + 1).join('\r\n').length + 2)
  }

  #readMessages(): void {
    for (let next = decodeMessage(this.#received); next !== undefined; next = decodeMessage(this.#received)) {
      this.#received = this.#received.subarray(next.size)
      this.#dispatch(next.message)
    }
  }

  #dispatch(message: Message): void {
    if (message.type === MESSAGE.signal) {
      for (const listener of [...this.#listeners]) listener(message)
      return
    }
    const pending = this.#pending.get(message.replySerial ?? 0)
    if (message.type === MESSAGE.reply) pending?.resolve(message.body)
    if (message.type === MESSAGE.error) {
      const [text] = message.body
      pending?.reject(new DbusError(message.errorName ?? '', typeof text === 'string' ? text : message.errorName ?? ''))
    }
  }

  #fail(message: string): void {
    this.#failure ??= new DbusError('', message)
    for (const { reject } of [...this.#pending.values()]) reject(this.#failure)
    this.#socket.destroy()
  }
}
