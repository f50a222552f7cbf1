import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatLine, openLog } from '../../../lib/cli/log.ts'

const now = new Date('2026-01-02T03:04:05.678Z')

describe('a line of text', () => {
  test.each([
    ['container does not exist', '"container does not exist"'],
    ['exec: "no": not found in $PATH', String.raw`"exec: \"no\": not found in $PATH"`],
    ['/a/b-c_d.e@f^g+h', '/a/b-c_d.e@f^g+h'],
    ['', '""'],
    ['a\nb\tc\\d', String.raw`"a\nb\tc\\d"`],
    ['\x1b[31m\x7f', String.raw`"\x1b[31m\x7f"`],
    ['é 漢', '"é 漢"'],
    ['a\u00a0b\u200bc\u{e0001}', String.raw`"a\u00a0b\u200bc\U000e0001"`],
  ])('%j', (message, quoted) => {
    expect(formatLine('text', 'error', message, now)).toBe(`time="2026-01-02T03:04:05Z" level=error msg=${quoted}\n`)
  })
})

describe('a line of JSON', () => {
  test('level, msg, time', () => {
    expect(formatLine('json', 'warning', 'a "b"\nc', now)).toBe(
      '{"level":"warning","msg":"a \\"b\\"\\nc","time":"2026-01-02T03:04:05Z"}\n',
    )
  })
})

describe('the file', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nrunc-log-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  test('is made at once, readable by all, and is empty when nothing fails', () => {
    const path = join(directory, 'log')
    openLog({ path, format: 'json' }).debug('quiet')
    expect(readFileSync(path, 'utf8')).toBe('')
    expect(statSync(path).mode & 0o777 & ~0o022).toBe(0o644)
  })

  test('is appended to, one line a message', () => {
    const path = join(directory, 'log')
    openLog({ path, format: 'json', level: 'debug' }).debug('one')
    openLog({ path, format: 'text' }).warning('two')
    expect(readFileSync(path, 'utf8')).toMatch(/^\{"level":"debug","msg":"one",.*\}\ntime=.* level=warning msg=two\n$/)
  })

  test('that cannot be opened is named', () => {
    const path = join(directory, 'none', 'log')
    expect(() => openLog({ path, format: 'text' })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message: `cannot open the log "${path}": ENOENT` }),
    )
  })

  test.each([
    ['error', ['error']], ['warning', ['warning', 'error']], ['debug', ['debug', 'warning', 'error']],
  ])('has with the level %s nothing below it', (level, shown) => {
    const path = join(directory, 'log')
    const log = openLog({ path, format: 'json', level })
    for (const one of ['debug', 'warning', 'error'] as const) log[one](one)
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(shown)
  })

  test('has one of three levels', () => {
    expect(() => openLog({ format: 'text', level: 'loud' })).toThrow('invalid log-level: loud')
  })

  test('has one of two formats', () => {
    expect(() => openLog({ format: 'xml' })).toThrow('invalid log-format: xml')
  })
})
