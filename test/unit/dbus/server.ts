/**
 * A D-Bus server for tests: it answers as it is told, and keeps what it was asked.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeMessage, encodeMessage, type Message, MESSAGE } from '../../../lib/dbus/message.ts'

export interface Answer {
  readonly signature?: string
  readonly body?: readonly unknown[]
  /** Name of an error; `body` is then its text. */
  readonly error?: string
  /** What is sent in one piece with the answer, after it (or before it). */
  readonly signals?: readonly Partial<Message>[]
  readonly signalsFirst?: boolean
  /** No answer at all. */
  readonly silent?: boolean
  /** The connection ends instead. */
  readonly hangUp?: boolean
}

export class FakeServer {
  readonly directory = mkdtempSync(join(tmpdir(), 'nrunc-dbus-'))
  readonly path = join(this.directory, 'bus')
  readonly calls: Message[] = []
  readonly connections = new Set<Socket>()
  accept = true
  answer: (call: Message) => Answer = () => ({})
  readonly #server: Server = createServer((socket) => this.#serve(socket))
  #serial = 100

  listen(): Promise<void> {
    return new Promise((resolve) => { this.#server.listen(this.path, resolve) })
  }

  close(): void {
    for (const socket of this.connections) socket.destroy()
    this.#server.close()
    rmSync(this.directory, { recursive: true })
  }

  get members(): (string | undefined)[] { return this.calls.map(({ member }) => member) }

  #serve(socket: Socket): void {
    this.connections.add(socket)
    let received: Buffer = Buffer.alloc(0)
    let begun = false
    socket.on('error', () => {})
    socket.on('close', () => this.connections.delete(socket))
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes])
      if (!begun) {
        const end = received.indexOf('BEGIN\r\n')
        if (end < 0) return
        begun = true
        received = received.subarray(end + 7)
        // In pieces, as a socket may give them.
        for (const piece of this.accept ? ['DA', 'TA\r\nOK 0123456789abcdef0123', '456789abcdef\r\n'] : ['REJECTED EXTERNAL\r\n']) {
          socket.write(piece)
        }
      }
      for (let next = decodeMessage(received); next !== undefined; next = decodeMessage(received)) {
        received = received.subarray(next.size)
        this.calls.push(next.message)
        this.#reply(socket, next.message)
      }
    })
  }

  #reply(socket: Socket, call: Message): void {
    const { signature = '', body = [], error, signals = [], signalsFirst, silent, hangUp } = this.answer(call)
    if (hangUp) return void socket.destroy()
    if (silent) return
    const reply = error === undefined
      ? { type: MESSAGE.reply, ...(signature === '' ? {} : { signature }), body }
      : { type: MESSAGE.error, errorName: error, signature: 's', body }
    const answer = encodeMessage({ ...reply, serial: ++this.#serial, replySerial: call.serial })
    const told = signals.map((one) => encodeMessage({
      type: MESSAGE.signal, serial: ++this.#serial, path: '/', body: [], ...one,
    }))
    socket.write(Buffer.concat(signalsFirst ? [...told, answer] : [answer, ...told]))
  }
}
