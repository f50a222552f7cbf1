import { describe, expect, test } from 'vitest'
import { defineCommand, parseCommand } from '../../../lib/cli/command.ts'
import { commandHelp } from '../../../lib/cli/help.ts'

const definition = defineCommand({
  name: 'sample',
  summary: 'a sample',
  operands: '<container-id> [signal]',
  count: [1, 2],
  flags: {
    format: { kind: 'text', short: 'f', value: 'FORMAT', fallback: 'table', help: 'the format' },
    'pid-file': { kind: 'text', value: 'PATH', help: 'the pid file' },
    env: { kind: 'list', short: 'e', value: 'ENV', help: 'a variable' },
    'preserve-fds': { kind: 'number', help: 'descriptors' },
    'no-pivot': { kind: 'boolean', help: 'no pivot' },
    all: { kind: 'boolean', short: 'a', hidden: true, help: 'hidden one' },
  },
  run: async () => {},
})

const parse = (...words: string[]) => parseCommand(definition, words)

describe('values', () => {
  test('none given', () => {
    expect(parse('id')).toEqual({ help: false, operands: ['id'], flags: { format: 'table' } })
  })

  test('all given', () => {
    const line = '--pid-file p -f=json -e A=1 -no-pivot -a --preserve-fds=2 -e B= id KILL'
    expect(parse(...line.split(' '))).toEqual({
      help: false,
      operands: ['id', 'KILL'],
      flags: { format: 'json', pidFile: 'p', env: ['A=1', 'B='], preserveFds: 2, noPivot: true, all: true },
    })
  })

  test('the last of a repeated flag counts', () => {
    expect(parse('--pid-file=a', '--pid-file=b', '--no-pivot', '--no-pivot=false', 'id')).toMatchObject({
      flags: { pidFile: 'b', noPivot: false },
    })
  })

  test('one call leaves nothing for the next', () => {
    parse('-e', 'A=1', 'id')
    expect(parse('-e', 'B=2', 'id')).toMatchObject({ flags: { env: ['B=2'] } })
  })

  test('values that look like options, and empty ones, stay values', () => {
    expect(parse('--pid-file', '--format', '-e=', 'id')).toMatchObject({ flags: { pidFile: '--format', env: [''] } })
  })
})

describe('operands', () => {
  test.each([
    [[], 'nrunc: "sample" requires a minimum of 1 argument(s)'],
    [['a', 'b', 'c'], 'nrunc: "sample" requires a maximum of 2 argument(s)'],
  ])('%j', (words, message) => {
    expect(() => parse(...words)).toThrow(expect.objectContaining({ message, syntax: false }))
  })

  test('exactly', () => {
    const exact = { ...definition, count: [1, 1] } as const
    expect(() => parseCommand(exact, [])).toThrow('nrunc: "sample" requires exactly 1 argument(s)')
  })
})

describe('help', () => {
  test.each([['--help'], ['-h'], ['-help']])('%s needs no operands', (word) => {
    expect(parse(word)).toEqual({ help: true })
  })

  test('names the flags but the hidden ones', () => {
    const text = commandHelp(definition)
    expect(text).toContain('USAGE:\n   nrunc sample [command options] <container-id> [signal]\n')
    expect(text).toMatch(/^ {3}--format FORMAT, -f FORMAT +the format$/m)
    expect(text).toMatch(/^ {3}--env ENV, -e ENV +a variable$/m)
    expect(text).toMatch(/^ {3}--no-pivot +no pivot$/m)
    expect(text).toMatch(/^ {3}--help, -h +show help$/m)
    expect(text).not.toContain('hidden one')
    expect(text).not.toContain('<value>')
  })
})
