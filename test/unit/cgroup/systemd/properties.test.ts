import { describe, expect, test } from 'vitest'
import { annotatedProperties } from '../../../../lib/cgroup/systemd/annotations.ts'
import { parseVariant } from '../../../../lib/cgroup/systemd/gvariant.ts'
import { limitProperties } from '../../../../lib/cgroup/systemd/properties.ts'
import { Variant } from '../../../../lib/dbus/wire.ts'

const INFINITY = (1n << 64n) - 1n
const properties = (file: string, value: string) =>
  limitProperties([{ file, value, field: '/f', optional: false }]).map(([name, variant]) => [name, variant.signature, variant.value])

describe('limits', () => {
  test.each([
    ['memory.max', '1048576', 'MemoryMax', 1048576n], ['memory.max', 'max', 'MemoryMax', INFINITY],
    ['memory.high', '2G', 'MemoryHigh', 2n << 30n], ['memory.low', '5k', 'MemoryLow', 5120n], ['memory.min', '1', 'MemoryMin', 1n],
    ['memory.swap.max', '0', 'MemorySwapMax', 0n], ['pids.max', 'max', 'TasksMax', INFINITY], ['cpu.weight', '79', 'CPUWeight', 79n],
    ['io.weight', 'default 50', 'IOWeight', 50n],
  ])('%s %s', (file, value, name, number) => {
    expect(properties(file, value)).toEqual([[name, 't', number]])
  })

  test.each([
    // Rounded up to whole percents of a second.
    ['25500 100000', 260_000n, 100_000n], ['50000 100000', 500_000n, 100_000n], ['1 100000', 10_000n, 100_000n],
    ['max 200000', INFINITY, 200_000n], ['30000', 300_000n, 100_000n],
  ])('cpu.max %s', (value, second, period) => {
    expect(properties('cpu.max', value)).toEqual([['CPUQuotaPeriodUSec', 't', period], ['CPUQuotaPerSecUSec', 't', second]])
  })

  test.each([
    ['0', '01'], ['0-3,7', '8f'], ['8', '0001'], ['1, 9-10', '0206'], ['', ''], ['15-16', '008001'],
  ])('cpuset.cpus %s', (value, hex) => {
    expect(limitProperties([{ file: 'cpuset.cpus', value, field: '', optional: false }])[0])
      .toEqual(['AllowedCPUs', new Variant('ay', Buffer.from(hex, 'hex'))])
  })

  test.each(['3-1', 'a', '1-', '0-99999999', '0-10:2/4', '-1'])('cpuset.mems %s is refused', (value) => {
    expect(() => properties('cpuset.mems', value)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID', field: '/f' }))
  })

  test('what systemd has no property for, or cannot read, is in the files alone', () => {
    expect([
      properties('hugetlb.2MB.max', '5'), properties('io.max', '8:0 rbps=5'), properties('memory.max', 'much'), properties('cpu.max', 'x 0'),
    ]).toEqual([[], [], [], []])
  })

  test('of two for one property the later one counts', () => {
    const limits = ['1', '2'].map((value) => ({ file: 'pids.max', value, field: '', optional: false }))
    expect(limitProperties(limits)).toEqual([['TasksMax', new Variant('t', 2n)]])
  })
})

describe('what is no text for the bus', () => {
  test.each([
    ["'a\0b'", /NUL/], ["'a\\u0000b'", /NUL/], ['["a", "\\u0000"]', /NUL/],
    ["objectpath 'a'", /not an object path/], ["objectpath '/a//b'", /not an object path/], ["objectpath '/a\n'", /not an object path/],
    [`signature '${'s'.repeat(300)}'`, /too long/], ["signature 'z'", /signature|type/i], ["@g '('", /./],
  ])('%s', (text, message) => {
    expect(() => annotatedProperties({ 'org.systemd.property.Description': text }))
      .toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID', message: expect.stringMatching(message) }))
  })

  test('quotes, line feeds and other properties in a text are that text', () => {
    const text = 'x"\nSlice=-.slice\n[Scope]\nPIDs=1'
    expect(annotatedProperties({ 'org.systemd.property.Description': JSON.stringify(text) })).toEqual([['Description', new Variant('s', text)]])
  })

  test.each(['', 'ab', 'A_b', 'Slice\n', 'Slice ', 'Slice\0', 'Ünit', '__proto__'])('%j is no name', (name) => {
    expect(() => annotatedProperties({ [`org.systemd.property.${name}`]: 'true' })).toThrow('name incorrect')
  })
})

describe('annotations', () => {
  const of = (name: string, text: string) => annotatedProperties({ [`org.systemd.property.${name}`]: text })[0]

  test.each([
    ['TimeoutStopUSec', 'uint64 123456789', ['TimeoutStopUSec', new Variant('t', 123456789n)]],
    ['TimeoutStopSec', '7', ['TimeoutStopUSec', new Variant('t', 7_000_000n)]],
    ['TimeoutStopSec', 'uint64 7', ['TimeoutStopUSec', new Variant('t', 7_000_000n)]],
    ['TimeoutStopSec', '0.5', ['TimeoutStopUSec', new Variant('t', 500_000n)]],
    ['CollectMode', "'inactive-or-failed'", ['CollectMode', new Variant('s', 'inactive-or-failed')]],
    ['SUSec', 'uint64 1', ['SUSec', new Variant('t', 1n)]],
  ])('%s %s', (name, text, expected) => {
    expect(of(name, text)).toEqual(expected)
  })

  test.each([
    ['ab', '1', /name incorrect/], ['Timeout Stop', '1', /name incorrect/], ['', '1', /name incorrect/],
    ['TimeoutStopSec', "'x'", /not a number of seconds/], ['TimeoutStopSec', '-1', /not a number of seconds/],
    ['Documentation', 'x', /value parse error/],
  ])('%j %s is refused', (name, text, message) => {
    expect(() => of(name, text)).toThrow(expect.objectContaining({
      code: 'ERR_CONFIG_INVALID', field: `/annotations/org.systemd.property.${name}`, message: expect.stringMatching(message),
    }))
  })

  test('others are none of systemd\'s', () => {
    expect([annotatedProperties(), annotatedProperties({ 'org.systemd.other.X': 'x' })]).toEqual([[], []])
  })
})

describe('GVariant text', () => {
  test.each<readonly [string, string, unknown]>([
    ['true', 'b', true], ['5', 'i', 5], ['-5', 'i', -5], ['0x10', 'i', 16], ['byte 255', 'y', 255], ['uint16 1', 'q', 1], ['int16 -1', 'n', -1],
    ['uint32 4294967295', 'u', 4294967295], ['int64 -9223372036854775808', 'x', -(1n << 63n)], ['@t 5', 't', 5n], ['1.5', 'd', 1.5],
    ['1e3', 'd', 1000], ['double 2', 'd', 2], ["'a b'", 's', 'a b'], ['"it\'s"', 's', "it's"], ["'\\'\\n\\u00e9'", 's', "'\né"],
    ['objectpath "/a"', 'o', '/a'], ["['a', 'b']", 'as', ['a', 'b']], ['@as []', 'as', []], ['[uint64 1, 2]', 'at', [1n, 2n]],
    ['@au [1,2,]', 'au', [1, 2]], [' true ', 'b', true],
  ])('%s', (text, signature, value) => {
    expect(parseVariant(text)).toEqual(new Variant(signature, value))
  })

  test.each([
    '', 'x', '[]', '[1', '[1 2]', "[1, 'a']", 'byte 256', 'uint64 -1', 'int32 1.5', "uint64 'a'", 'true false', '(1, 2)', "'open", '@aas []',
    '1.2.3', "boolean 'x'", '<1>', 'constructor',
  ])('%j is refused', (text) => {
    expect(() => parseVariant(text)).toThrow(Error)
  })
})
