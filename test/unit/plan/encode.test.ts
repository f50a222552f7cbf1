import { describe, expect, test } from 'vitest'
import { encode, PLAN_MAGIC, PLAN_VERSION } from '../../../lib/plan/encode.ts'
import { type Operation, operations, type OperationName } from '../../../lib/plan/operations.ts'
import { decode } from './decode.ts'
import { random, randomOperation } from './random.ts'
import { everything, only, planOf } from './samples.ts'

const again = (list: readonly Operation[]): Operation[] => decode(encode(list))

describe('the bytes are those of format.h', () => {
  test('an empty plan is a header', () => {
    const bytes = encode([])
    expect([0, 4, 8, 12].map((at) => bytes.readUInt32LE(at))).toEqual([PLAN_MAGIC, PLAN_VERSION, 16, 0])
    expect(bytes.length).toBe(16)
  })

  test('one operation, byte by byte', () => {
    const bytes = encode([{ op: 'setUser', field: '/é', uid: 1, gid: 0xfffffffe, groups: [7, 8], keepGroups: 1 }])
    expect(bytes.toString('hex').match(/.{8}/g)).toEqual([
      '5072756e', '01000000', '38000000', '01000000', // "Prun", version, 56 bytes, one operation
      '48000000', '20000000', // setUser, 32 bytes follow
      '03000000', '2fc3a900', // the pointer: three bytes and a NUL
      '01000000', 'feffffff', '02000000', '07000000', '08000000', '01000000',
    ])
  })

  test('a text ends in NUL, which its length does not count', () => {
    const bytes = encode([{ op: 'setHostname', field: '', name: 'web' }])
    expect(bytes.subarray(-8).toString('latin1')).toBe('\x03\0\0\0web\0')
  })

  test('the result is as long as its header says, and owns nothing of what was encoded before', () => {
    encode([{ op: 'setHostname', field: '', name: 'secret'.repeat(5000) }])
    const bytes = encode([{ op: 'setHostname', field: '/hostname', name: 'x'.repeat(100) }])
    expect(bytes.length).toBe(bytes.readUInt32LE(8))
    expect(bytes.includes('secret')).toBe(false)
  })
})

describe('a reader gives back what was encoded', () => {
  test.each(Object.keys(operations) as OperationName[])('%s', (op) => {
    const from = random(operations[op].code)
    const list = Array.from({ length: 30 }, () => randomOperation(from, op))
    expect(again(list)).toEqual(list)
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('a random plan, seed %d', (seed) => {
    const from = random(seed)
    const list = Array.from({ length: 1 + from.below(400) }, () => randomOperation(from))
    expect(again(list)).toEqual(list)
  })

  test('both sides of a real plan', () => {
    const plan = planOf(everything)
    for (const side of [plan.host, plan.init]) expect(again(side)).toEqual(side.map(exact))
  })

  test('empty texts and lists', () => {
    const list: Operation[] = [
      { op: 'execute', field: '', args: [], env: ['', ''], home: 0, uid: 0 },
      {
        op: 'mount', field: '', destination: '', source: '', type: '', flags: 0n, data: '', propagation: [], copyUp: 0,
        ordinaryDirectory: 0, allowProc: 0,
      },
      { op: 'attachDeviceProgram', field: '', path: '', program: new Uint8Array() },
    ]
    expect(again(list).map((one) => ({ ...one, ...('program' in one ? { program: [...one.program] } : {}) })))
      .toEqual(list.map((one) => ({ ...one, ...('program' in one ? { program: [] } : {}) })))
  })

  test.each([0n, 1n, (1n << 53n) + 1n, 1n << 63n, (1n << 64n) - 1n])('the u64 %d', (soft) => {
    const [one] = again([{ op: 'rlimit', field: '', resource: 7, name: 'RLIMIT_NOFILE', soft, hard: (1n << 64n) - 1n }])
    expect(one).toMatchObject({ soft, hard: 18446744073709551615n })
  })

  test('a number and a bigint are the same u64', () => {
    const of = (soft: number | bigint): Buffer => encode([{
      op: 'rlimit', field: '', resource: 0, name: '', soft, hard: soft,
    }])
    expect(of(1024)).toEqual(of(1024n))
    expect(of(Number.MAX_SAFE_INTEGER)).toEqual(of(BigInt(Number.MAX_SAFE_INTEGER)))
  })

  test.each([0x7fffffff, 0x80000000, 0xffffffff])('the u32 %d', (mask) => {
    expect(again([{ op: 'umask', field: '', mask }])).toEqual([{ op: 'umask', field: '', mask }])
  })

  test('lists of 10,000', () => {
    const args = Array.from({ length: 10_000 }, (_, index) => `argument ${index} ${'é'.repeat(index % 50)}`)
    const groups = Array.from({ length: 10_000 }, (_, index) => index * 7)
    const list: Operation[] = [
      { op: 'execute', field: '/process/args', args, env: args, home: 1, uid: 0 },
      { op: 'setUser', field: '/process/user', uid: 0, gid: 0, groups, keepGroups: 0 },
    ]
    expect(again(list)).toEqual(list)
  })

  test('10,000 operations, and a text larger than the first buffer', () => {
    const name = 'ß'.repeat(100_000)
    const list = Array.from(
      { length: 10_000 }, (): Operation => ({ op: 'makeDirectory', field: '/mounts/1', path: '/a', mode: 0o755 }),
    )
    expect(again([...list, { op: 'setHostname', field: '', name }])).toEqual([
      ...list, { op: 'setHostname', field: '', name },
    ])
  })

  test('half a surrogate pair, which no file can hold, becomes U+FFFD and not a broken length', () => {
    expect(again([{ op: 'setHostname', field: '', name: 'a\ud800b' }])).toEqual([{
      op: 'setHostname', field: '', name: 'a\ufffdb',
    }])
  })

  test('the order of an operation\'s properties is of no importance', () => {
    const { op, field, ...rest } = only(planOf().init, 'setUser')
    const turned = Object.fromEntries(Object.entries({ op, field, ...rest }).reverse()) as unknown as Operation
    expect(encode([turned])).toEqual(encode([{ op, field, ...rest }]))
  })
})

/** With every u64 as a bigint and all bytes as a buffer, which is how they come back. */
function exact(one: Operation): Operation {
  const fields: Readonly<Record<string, string>> = operations[one.op].fields
  const convert = (name: string, value: unknown): unknown => {
    if (fields[name] === 'u64') return BigInt(value as number)
    return fields[name] === 'bytes' ? Buffer.from(value as Uint8Array) : value
  }
  const entries = Object.entries(one).map(([name, value]) => [name, convert(name, value)])
  return Object.fromEntries(entries) as unknown as Operation
}

test('bytes for which the buffer has to grow', () => {
  for (const size of [8000, 8192, 20_000]) {
    const program = Buffer.alloc(size, 7)
    const encoded = encode([{ op: 'seccomp', field: '/linux/seccomp', program, flags: 4, now: 0 }])
    expect(encoded.includes(program)).toBe(true)
  }
})
