/**
 * addon/plan/reader.h, built with sanitizers, against plans that are cut and broken. Lengths from outside that were not
 * checked let others' runtimes be led out of their bounds (CVE-2021-43784).
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encode } from '../../../lib/plan/encode.ts'
import { type Operation, operations } from '../../../lib/plan/operations.ts'
import { type RawValue, readPlan } from './decode.ts'
import { random, type Random, randomOperation } from './random.ts'
import { everything, planOf } from './samples.ts'

const flags = [
  '-std=c++20', '-O1', '-g', '-Wall', '-Wextra', '-fsanitize=address,undefined', '-fno-sanitize-recover=all',
]
const sources = fileURLToPath(new URL('../../../addon', import.meta.url))

/** Why the program cannot be built here; empty when it can. */
function reasonAgainst(): string {
  const tried = spawnSync(
    'g++', [...flags, '-x', 'c++', '-', '-o', '/dev/null'], { input: 'int main() {}', encoding: 'utf8' },
  )
  if (tried.error !== undefined) return 'there is no g++'
  return tried.status === 0 ? '' : 'g++ has no sanitizers'
}

const reason = reasonAgainst()
if (reason !== '') console.warn(`skipped: the reader of plans in C++: ${reason}`)

let directory = ''
beforeAll(() => {
  if (reason !== '') return
  directory = mkdtempSync(join(tmpdir(), 'nrunc-reader-'))
  const program = fileURLToPath(new URL('reader_test.cc', import.meta.url))
  execFileSync(
    'g++', [...flags, '-I', sources, program, '-o', join(directory, 'reader')],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
})
afterAll(() => {
  if (directory !== '') rmSync(directory, { recursive: true })
})

const letters: Readonly<Record<string, string>> = {
  text: 't', u32: 'n', i32: 'n', slot: 'n', u64: 'l', bytes: 'b', list: 'T', numbers: 'N',
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** What the reader in C++ says of each plan. */
function read(plans: readonly Buffer[]): string[] {
  const table = Object.values(operations).map(({ code, fields }) => {
    const kinds = Object.values(fields).map((kind) => letters[kind]).join('')
    return Buffer.concat([u32(code), u32(kinds.length), Buffer.from(kinds)])
  })
  const input = Buffer.concat([u32(table.length), ...table, ...plans.flatMap((plan) => [u32(plan.length), plan])])
  const result = spawnSync(join(directory, 'reader'), { input, maxBuffer: 1 << 30, encoding: 'latin1' })
  expect([result.status, result.signal, result.stderr]).toEqual([0, null, ''])
  return result.stdout.trimEnd().split('\n')
}

/** The same of the reader in TypeScript. */
function expected(plan: Buffer): string {
  const list = readPlan(plan)
  if (list === undefined) return 'malformed'
  const line = list.map(({ code, field, values }) => `${[code, hex(field), ...values.map(show)].join(' ')};`)
  return ['plan', ...line].join(' ')
}

const hex = (bytes: Buffer): string => (bytes.length === 0 ? '-' : bytes.toString('hex'))

function show(value: RawValue): string {
  if (Buffer.isBuffer(value)) return hex(value)
  return Array.isArray(value) ? ['[' + value.length, ...value.map(show), ']'].join(' ') : String(value)
}

/** A plan that was changed in one to four places. */
function mutate(plan: Buffer, lengths: readonly number[], from: Random): Buffer {
  let bytes: Buffer = Buffer.from(plan)
  for (let left = 1 + from.below(4); left > 0; left--) bytes = change(bytes, lengths, from)
  // Otherwise most are refused for the size in the header, before anything else is looked at.
  if (from.below(8) !== 0 && bytes.length >= 12) bytes.writeUInt32LE(bytes.length, 8)
  return bytes
}

const edges = [0, 1, 0x7fffffff, 0x80000000, 0xfffffffc, 0xfffffffe, 0xffffffff]

function change(bytes: Buffer, lengths: readonly number[], from: Random): Buffer {
  const at = from.below(bytes.length)
  const word = Math.min(from.pick([from.pick(lengths), at]), bytes.length - 4)
  switch (from.below(7)) {
    case 0: bytes[at] = bytes[at]! ^ (1 << from.below(8)); return bytes
    case 1: bytes[at] = from.below(256); return bytes
    case 2: bytes.writeUInt32LE(from.pick(edges), word); return bytes
    case 3: bytes.writeUInt32LE((bytes.readUInt32LE(word) + from.pick([-4, -1, 1, 2, 4, 8])) >>> 0, word); return bytes
    case 4: return Buffer.concat([
      bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + from.below(8))),
    ])
    case 5: return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + from.below(40)), bytes.subarray(at)])
    default: return bytes.subarray(0, Math.max(16, bytes.length - 1 - from.below(60)))
  }
}

const name = `the reader of plans in C++${reason === '' ? '' : ` (skipped: ${reason})`}`
describe.skipIf(reason !== '')(name, () => {
  const plan = planOf(everything)

  test('reads a real plan', () => {
    const sides = [encode(plan.host), encode(plan.init)]
    expect(read(sides)).toEqual(sides.map(expected))
    expect(expected(sides[1]!)).not.toBe('malformed')
  })

  test('reads random plans', () => {
    const from = random(43784)
    const plans = Array.from(
      { length: 200 }, () => encode(Array.from({ length: 1 + from.below(30) }, () => randomOperation(from))),
    )
    expect(read(plans)).toEqual(plans.map(expected))
    expect(plans.map(expected)).not.toContain('malformed')
  })

  test('refuses every plan that is cut', () => {
    for (const bytes of [encode(plan.host), encode(plan.init)]) {
      const cut = Array.from({ length: bytes.length }, (_, size) => bytes.subarray(0, size))
      expect(new Set(read(cut))).toEqual(new Set(['malformed']))
    }
  })

  test('refuses every plan that is cut and says so in its size', () => {
    const bytes = encode(plan.init)
    const cut = Array.from({ length: bytes.length - 12 }, (_, size) => {
      const copy = Buffer.from(bytes.subarray(0, size + 12))
      copy.writeUInt32LE(copy.length, 8)
      return copy
    })
    expect(new Set(read(cut))).toEqual(new Set(['malformed']))
  })

  test('says of 2,000 broken plans what the strict reader says, and reads nothing out of bounds', () => {
    const from = random(2021)
    const lengths: number[] = []
    readPlan(encode(plan.init), lengths)
    const broken = Array.from({ length: 2000 }, () => mutate(encode(plan.init), lengths, from))
    const said = read(broken)
    expect(said).toEqual(broken.map(expected))
    // Were all of them refused, or none, the test would say little.
    const refused = said.filter((line) => line === 'malformed').length
    expect(refused).toBeGreaterThan(500)
    expect(refused).toBeLessThan(1900)
  })

  test('a header is not taken for a plan of nothing because it ends where it breaks', () => {
    const empty = encode([])
    const broken = (size: number, at: number): Buffer => {
      const header = Buffer.from(empty.subarray(0, size))
      header.writeUInt32LE(size === 16 ? 15 : 77, at)
      return header
    }
    expect(read([empty, broken(4, 0), broken(8, 4), broken(12, 8), broken(16, 8), Buffer.alloc(0)]))
      .toEqual(['plan', ...Array<string>(5).fill('malformed')])
  })

  test('an operation that does not exist, and one with an argument too many or too few, is malformed', () => {
    const bytes = encode([{ op: 'umask', field: '', mask: 18 }])
    const unknown = Buffer.from(bytes)
    unknown.writeUInt32LE(9999, 16)
    const more: Operation[] = [{ op: 'rlimit', field: '', resource: 1, name: '', soft: 1, hard: 2 }]
    const wrong = encode(more)
    wrong.writeUInt32LE(operations.umask.code, 16)
    const few = Buffer.from(bytes)
    few.writeUInt32LE(operations.passDescriptor.code, 16)
    expect(read([unknown, wrong, few])).toEqual(['malformed', 'malformed', 'malformed'])
  })

  test('the length of a text is not believed: one that ends behind the plan, wraps around, or has a NUL within', () => {
    const text = (name: string, size: number): Buffer => {
      const bytes = encode([{ op: 'setHostname', field: '', name }])
      bytes.writeUInt32LE(size, 29)
      return bytes
    }
    expect(
      read([text('web', 4), text('web', 0xffffffff), text('web', 0xfffffffb), text('web', 2), text('web', 0x80000000)]),
    )
      .toEqual(Array(5).fill('malformed'))
    expect(read([text('we\0b', 4)])).toEqual(['malformed'])
    expect(read([text('web', 3)])).toEqual([expected(text('web', 3))])
  })

  test('the count of a list is not believed', () => {
    const list = (count: number): Buffer => {
      const bytes = encode([{ op: 'execute', field: '', args: ['a'], env: [], home: 0, uid: 0 }])
      bytes.writeUInt32LE(count, 29)
      return bytes
    }
    expect(read([list(2), list(0xffffffff), list(0x80000000)])).toEqual(Array(3).fill('malformed'))
  })
})
