import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { checkTerminal, stdioOptions } from '../../../lib/cli/stdio-options.ts'

const needsSocket = 'cannot allocate tty if nrunc will detach without setting console socket'
const needsTerminal = 'cannot use console socket if nrunc will not detach or allocate tty'

test.each([
  [true, true, undefined, needsSocket],
  [true, true, '', needsSocket],
  [true, true, '/s', undefined],
  [true, false, undefined, undefined],
  [true, false, '/s', needsTerminal],
  [false, true, undefined, undefined],
  [false, true, '/s', needsTerminal],
  [false, false, undefined, undefined],
  [false, false, '/s', needsTerminal],
])('terminal %j, detach %j, socket %j', (terminal, detach, socket, message) => {
  if (message === undefined) expect(() => checkTerminal(terminal, detach, socket)).not.toThrow()
  else expect(() => checkTerminal(terminal, detach, socket)).toThrow(message)
})

test('paths are made absolute, as the library may resolve them elsewhere', () => {
  const flags = { consoleSocket: 's', pidfdSocket: 'f', pidFile: 'p', preserveFds: 2 }
  expect(stdioOptions(flags, true)).toEqual({
    consoleSocket: resolve('s'), pidfdSocket: resolve('f'), pidFile: resolve('p'), preserveFds: 2,
  })
})

test("without a terminal the streams are this process's own", () => {
  const flags = { consoleSocket: undefined, pidfdSocket: undefined, pidFile: undefined, preserveFds: undefined }
  expect(stdioOptions(flags, false)).toMatchObject({ stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' })
})
