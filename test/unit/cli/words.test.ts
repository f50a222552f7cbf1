import { describe, expect, test } from 'vitest'
import { type Flags, sortWords } from '../../../lib/cli/words.ts'

const flags: Flags = {
  bundle: { kind: 'text', short: 'b', value: 'DIR', help: '' },
  detach: { kind: 'boolean', short: 'd', help: '' },
  'no-pivot': { kind: 'boolean', help: '' },
  env: { kind: 'list', short: 'e', value: 'ENV', help: '' },
  'preserve-fds': { kind: 'number', help: '' },
}

const sort = (line: string, stops = false) => sortWords(flags, line.split(' '), stops)

describe('the spelling of flags', () => {
  test.each([
    ['--bundle /b', 'bundle', '/b'],
    ['--bundle=/b', 'bundle', '/b'],
    ['-bundle /b', 'bundle', '/b'],
    ['-bundle=/b', 'bundle', '/b'],
    ['-b /b', 'bundle', '/b'],
    ['-b=/b', 'bundle', '/b'],
    ['--b /b', 'bundle', '/b'],
    ['--bundle=', 'bundle', ''],
    ['-b a=b', 'bundle', 'a=b'],
    ['-b=a=b', 'bundle', 'a=b'],
    ['--bundle --detach', 'bundle', '--detach'],
    ['--bundle -', 'bundle', '-'],
    ['--bundle --', 'bundle', '--'],
    ['-no-pivot', 'no-pivot', true],
    ['--no-pivot', 'no-pivot', true],
    ['--no-pivot=false', 'no-pivot', false],
    ['-d=T', 'detach', true],
    ['-d=0', 'detach', false],
    ['--preserve-fds 3', 'preserve-fds', 3],
    ['--preserve-fds=007', 'preserve-fds', 7],
  ])('%s', (line, name, value) => {
    expect(sort(line)).toEqual({ settings: [{ name, value }], operands: [] })
  })

  test('repeated flags are all kept, in order', () => {
    const settings = [['env', 'A=1'], ['env', 'B=2'], ['detach', true], ['detach', true]]
    expect(sort('-e A=1 --env=B=2 -d -d').settings.map(({ name, value }) => [name, value])).toEqual(settings)
  })
})

describe('where the flags end', () => {
  const detach = { name: 'detach', value: true }

  test('flags may follow operands', () => {
    expect(sort('id --detach -b /b')).toEqual({ settings: [detach, { name: 'bundle', value: '/b' }], operands: ['id'] })
  })

  test('a boolean does not take the next word', () => {
    expect(sort('-d id')).toEqual({ settings: [detach], operands: ['id'] })
  })

  test('-- ends them and is taken away', () => {
    expect(sort('-d -- -b id --')).toEqual({ settings: [detach], operands: ['-b', 'id', '--'] })
  })

  test('a lone dash and an empty word are operands', () => {
    expect(sortWords(flags, ['-', ''], false).operands).toEqual(['-', ''])
  })

  test('with stops, the first operand ends them', () => {
    expect(sort('-d id sh -c -x --detach', true)).toEqual({
      settings: [detach],
      operands: ['id', 'sh', '-c', '-x', '--detach'],
    })
  })

  test('with stops, a -- after the first operand stays', () => {
    expect(sort('id -- ls', true).operands).toEqual(['id', '--', 'ls'])
  })

  test('with stops, a value is not taken for the first operand', () => {
    expect(sort('-e A=1 id', true)).toEqual({ settings: [{ name: 'env', value: 'A=1' }], operands: ['id'] })
  })
})

describe("mistakes, in Go's words", () => {
  test.each([
    ['--foo', 'flag provided but not defined: -foo'],
    ['-foo=1', 'flag provided but not defined: -foo'],
    ['id -9', 'flag provided but not defined: -9'],
    ['-db', 'flag provided but not defined: -db'],
    ['-b/b', 'flag provided but not defined: -b/b'],
    ['--constructor', 'flag provided but not defined: -constructor'],
    ['--bundle', 'flag needs an argument: -bundle'],
    ['-b', 'flag needs an argument: -b'],
    ['---bundle x', 'bad flag syntax: ---bundle'],
    ['--=x', 'bad flag syntax: --=x'],
    ['-d=maybe', 'invalid boolean value "maybe" for -d: parse error'],
    ['-d=', 'invalid boolean value "" for -d: parse error'],
    ['--preserve-fds x', 'invalid value "x" for flag -preserve-fds: parse error'],
    ['--preserve-fds -1', 'invalid value "-1" for flag -preserve-fds: parse error'],
    ['--preserve-fds 1.5', 'invalid value "1.5" for flag -preserve-fds: parse error'],
    ['--preserve-fds=', 'invalid value "" for flag -preserve-fds: parse error'],
  ])('%s', (line, message) => {
    expect(() => sort(line)).toThrow(expect.objectContaining({ name: 'UsageError', message }))
  })
})
