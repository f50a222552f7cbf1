import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { EVENT } from '../../../lib/native/addon.ts'
import { PLAN_MAGIC, PLAN_VERSION } from '../../../lib/plan/encode.ts'
import { NO_SLOT, operations, type OperationName } from '../../../lib/plan/operations.ts'
import { rlimitNames } from '../../../lib/spec/names.ts'

const source = (path: string): string => readFileSync(new URL(`../../../addon/${path}`, import.meta.url), 'utf8')
const entries = Object.entries(operations)

/** Names and numbers of `enum class NAME` in a header. */
function enumeration(text: string, name: string): Record<string, number> {
  const body = new RegExp(String.raw`enum class ${name} : u32 \{([^}]*)\}`).exec(text)?.[1]
  if (body === undefined) throw new Error(`no enum ${name}`)
  return Object.fromEntries([...body.matchAll(/^\s*(\w+) = (\d+),/gm)].map(([, key, value]) => [key, Number(value)]))
}

const constant = (text: string, name: string): string | undefined =>
  new RegExp(String.raw`constexpr \w+ ${name} = ([^;]+);`).exec(text)?.[1]

describe('TypeScript and C++ agree', () => {
  test('on the names and numbers of the operations', () => {
    expect(enumeration(source('plan/operations.h'), 'Operation'))
      .toEqual(Object.fromEntries(entries.map(([name, { code }]) => [name, code])))
  })

  test('on the constants of the format', () => {
    const format = source('plan/format.h')
    expect(Number(constant(format, 'kMagic'))).toBe(PLAN_MAGIC)
    expect(Number(constant(format, 'kVersion'))).toBe(PLAN_VERSION)
    expect(Number(constant(format, 'kNoSlot'))).toBe(NO_SLOT)
  })

  test('on the kinds of events', () => {
    expect(enumeration(source('host/events.h'), 'EventType')).toEqual({ ...EVENT })
  })
})

describe('the table', () => {
  test('no number is given twice', () => {
    expect(new Set(entries.map(([, { code }]) => code)).size).toBe(entries.length)
  })

  test('the host\'s operations have the numbers below 16 and from 200, those of init the others', () => {
    for (const [name, { code, by }] of entries) expect([name, code < 16 || code >= 200 ? 'host' : 'init']).toEqual([name, by])
  })

  test('each has a verb in lower case, for its message', () => {
    for (const [, { verb }] of entries) expect(verb).toMatch(/^[a-z][^A-Z]*$/)
  })

  test('the numbers of the limits are those of the kernel', () => {
    expect(
      ['RLIMIT_CPU', 'RLIMIT_NPROC', 'RLIMIT_NOFILE', 'RLIMIT_RTTIME'].map(
        (name) => rlimitNames.indexOf(name as never),
      ),
    )
      .toEqual([0, 6, 7, 15])
  })
})

/** What the C++ function of an operation reads, in its order, against the fields of the table. */
describe('the arguments are read as they are written', () => {
  const files = ['init', 'host'].flatMap((folder) =>
    readdirSync(new URL(`../../../addon/${folder}/`, import.meta.url))
      .filter((name) => name.endsWith('.cc')).map((name) => `${folder}/${name}`))
  const text = files.map(source).join('\n')
  const functions = new Map(
    [...text.matchAll(/case Operation::(\w+):(?: return (\w+)\(|\s*\{[^}]*?TRY\((\w+)\()/g)]
      .map(([, name, direct, tried]) => [name, direct ?? tried]))
  functions.set('mapIds', 'map_ids').set('moveNetDevice', 'NetDevices::move').set('adjustOomScore', 'adjust_oom_score').set('writeCgroup', 'CgroupWriter::write').set('stageState', 'StagedState::write')

  const reads: Readonly<Record<string, readonly string[]>> = {
    text: ['text'], u32: ['number'], i32: ['number'], slot: ['number'], u64: ['number64'], bytes: ['bytes'], list: ['list'],
    numbers: ['number', 'number'], // the count, and the loop
  }

  test.each(entries.filter(([name]) => name !== 'clone'))('%s', (name, { fields }) => {
    const body = bodyOf(text, functions.get(name) ?? `(none for ${name})`)
    const found = [...body.matchAll(/arguments\.(text|number64|number|bytes)\(|(make_pointers)\(arguments/g)]
      .map(([, read]) => read ?? 'list')
    expect(found).toEqual(Object.values(fields).flatMap((kind) => reads[kind]))
  })

  test('init has a function for each of its operations, and none for another', () => {
    const main = source('init/main.cc')
    const cases = [...main.matchAll(/case Operation::(\w+):/g)].map(([, name]) => name as OperationName)
    expect(cases.toSorted())
      .toEqual(entries.filter(([, { by }]) => by === 'init').map(([name]) => name as OperationName).toSorted())
  })
})

/** From the head of a function to the first `}` in the first column. */
function bodyOf(text: string, name: string): string {
  const head = new RegExp(String.raw`^Status ${name}\([^;]*?\{$`, 'm').exec(text)
  if (head === null) throw new Error(`no function ${name}`)
  const start = head.index
  return text.slice(start, text.indexOf('\n}', start))
}
