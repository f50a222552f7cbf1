import { EventEmitter, once } from 'node:events'
import { Duplex, PassThrough, Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { attachTerminal } from '../../../lib/cli/terminal.ts'
import type { Terminal } from '../../../lib/streams/terminal.ts'

class FakeTerminal extends Duplex {
  readonly resize = vi.fn()
  readonly keepLineFeeds = vi.fn()
  typed = ''

  override _read(): void {}

  override _write(piece: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.typed += String(piece)
    done()
  }
}

/** A standard output that takes each piece only when `accept` is called. */
class SlowOutput extends Writable {
  readonly isTTY: boolean = false
  size: [number, number] = [80, 25]
  text = ''
  accept = () => {}

  getWindowSize(): [number, number] {
    return this.size
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += String(piece)
    this.accept = done
  }
}

class Output extends SlowOutput {
  override _write(piece: Buffer, encoding: BufferEncoding, done: () => void): void {
    super._write(piece, encoding, done)
    done()
  }
}

let terminal: FakeTerminal
let stdin: PassThrough & { isTTY?: boolean; setRawMode?: (raw: boolean) => void }

const attach = (stdout: Writable) => {
  vi.spyOn(process, 'stdout', 'get').mockReturnValue(stdout as never)
  return attachTerminal(terminal as unknown as Terminal)
}

beforeEach(() => {
  terminal = new FakeTerminal()
  stdin = new PassThrough()
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(stdin as never)
  vi.spyOn(process, 'stderr', 'get').mockReturnValue(new EventEmitter() as never)
})
afterEach(() => vi.restoreAllMocks())

describe('between two terminals', () => {
  const onTerminal = () => Object.assign(new Output(), { isTTY: true })

  test('the mode is raw until it is given back', () => {
    Object.assign(stdin, { isTTY: true, setRawMode: vi.fn() })
    const screen = attach(onTerminal())
    expect(stdin.setRawMode).toHaveBeenCalledExactlyOnceWith(true)
    screen.restore()
    expect(stdin.setRawMode).toHaveBeenLastCalledWith(false)
  })

  test('the size is that of the window, and follows it', () => {
    const stdout = onTerminal()
    attach(stdout)
    expect(terminal.resize.mock.calls).toEqual([[{ rows: 25, columns: 80 }]])
    stdout.size = [100, 40]
    stdout.emit('resize')
    expect(terminal.resize).toHaveBeenLastCalledWith({ rows: 40, columns: 100 })
  })

  test('a size of nothing is not passed on', () => {
    attach(Object.assign(onTerminal(), { size: [0, 0] }))
    expect(terminal.resize).not.toHaveBeenCalled()
  })
})

test('without a terminal of our own there is no raw mode and no size', () => {
  attach(new Output())
  expect(terminal.resize).not.toHaveBeenCalled()
})

test('bytes go both ways, and the end of the input ends nothing', async () => {
  const stdout = new Output()
  attach(stdout)
  stdin.end('typed')
  terminal.push('shown')
  await once(stdin, 'end')
  await vi.waitFor(() => expect([terminal.typed, stdout.text]).toEqual(['typed', 'shown']))
  expect(terminal.writableEnded).toBe(false)
})

describe('at the end', () => {
  test('everything is printed, however slow the reader is', async () => {
    const stdout = new SlowOutput()
    const screen = attach(stdout)
    for (const piece of ['a', 'b', 'c', null]) terminal.push(piece)
    let drained = false
    const done = screen.drain().then(() => {
      drained = true
    })
    await vi.waitFor(() => {
      expect(drained).toBe(false)
      stdout.accept()
      expect(stdout.text).toBe('abc')
    })
    expect(drained).toBe(false)
    await vi.waitFor(() => {
      stdout.accept()
      expect(drained).toBe(true)
    })
    await done
  })

  test('a terminal that others hold open is left when it is silent', async () => {
    const stdout = new Output()
    const screen = attach(stdout)
    terminal.push('last')
    await screen.drain()
    expect(stdout.text).toBe('last')
    expect(terminal.readableEnded).toBe(false)
  })

  test('a terminal that nobody looks at is hung up', async () => {
    const stdout = new Output()
    attach(stdout)
    stdout.destroy(new Error('EPIPE'))
    await once(terminal, 'close')
    expect(terminal.destroyed).toBe(true)
  })
})
