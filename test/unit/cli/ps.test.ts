import { expect, test } from 'vitest'
import { selectProcesses } from '../../../lib/cli/commands/ps.ts'

const output = [
  'UID          PID    PPID  C STIME TTY          TIME CMD',
  'root           1       0  0 08:00 ?        00:00:01 init 42',
  'root          42       1  0 08:00 ?        00:00:00 sleep 5',
  '1000         420      42  0 08:00 ?        00:00:00 sh',
  '',
].join('\n')

test('keeps the header and the lines of the processes', () => {
  const commands = selectProcesses(output, [42, 420, 7]).split('\n').map((line) => line.split(' ').pop())
  expect(commands).toEqual(['CMD', '5', 'sh', ''])
})

test('keeps the header alone for no process', () => {
  expect(selectProcesses(output, [])).toBe('UID          PID    PPID  C STIME TTY          TIME CMD\n')
})

test('needs the PID column', () => {
  expect(() => selectProcesses('CMD\ninit\n', [1])).toThrow("couldn't find PID field in ps output")
})
