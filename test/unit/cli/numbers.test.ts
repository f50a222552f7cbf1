import { describe, expect, test } from 'vitest'
import { parseDuration, parseFlagInteger, parseInteger, parseSize } from '../../../lib/cli/numbers.ts'
import { resourcesOf } from '../../../lib/cli/update-flags.ts'
import { UsageError } from '../../../lib/cli/usage-error.ts'

describe('integers', () => {
  test.each<[string, 'Int' | 'Uint', number | bigint]>([
    ['0', 'Uint', 0], ['18446744073709551615', 'Uint', 18446744073709551615n], ['-1', 'Int', -1], ['+7', 'Int', 7],
    ['-9223372036854775808', 'Int', -9223372036854775808n],
  ])('%s as %s', (text, kind, value) => expect(parseInteger('cpu-quota', text, kind)).toBe(value))

  test.each<[string, 'Int' | 'Uint', string]>([
    ['x', 'Int', 'strconv.ParseInt: parsing "x": invalid syntax'], ['-1', 'Uint', 'strconv.ParseUint: parsing "-1": invalid syntax'],
    ['1.5', 'Int', 'strconv.ParseInt: parsing "1.5": invalid syntax'],
    ['18446744073709551616', 'Uint', 'strconv.ParseUint: parsing "18446744073709551616": value out of range'],
  ])('%s is refused as %s', (text, kind, reason) => {
    expect(() => parseInteger('cpu-quota', text, kind)).toThrow(expect.objectContaining({
      code: 'ERR_OPTION_INVALID', message: `invalid value for cpu-quota: ${reason}`, operand: 'cpu-quota',
    }))
  })

  test('of the flag package', () => {
    expect([parseFlagInteger('pids-limit', '-1'), parseFlagInteger('pids-limit', '20')]).toEqual([-1, 20])
    expect(() => parseFlagInteger('pids-limit', 'many')).toThrow(new UsageError('invalid value "many" for flag -pids-limit: parse error'))
  })
})

test.each<[string, number | bigint]>([
  ['-1', -1], ['0', 0], ['64', 64], ['32k', 32768], ['32KB', 32768], ['32kib', 32768], ['512m', 536870912], ['1.5g', 1610612736],
  ['2 GB', 2147483648], ['7b', 7], ['1t', 1099511627776], ['7p', 7881299347898368], ['8191p', 9222246136947933184n],
])('the size %s', (text, bytes) => expect(parseSize('memory', text)).toBe(bytes))

test.each(['', 'x', '-2', '12z', '1..5m', 'm', '5 mm'])('%j is no size', (text) => {
  expect(() => parseSize('memory', text)).toThrow(`invalid value for memory: invalid size: '${text}'`)
})

test.each([
  ['5s', 5000], ['500ms', 500], ['1m30s', 90000], ['1.5h', 5400000], ['.5s', 500], ['100us', 0.1], ['100\u00b5s', 0.1], ['0', 0], ['-5s', -5000],
])('the duration %s', (text, milliseconds) => expect(parseDuration('interval', text)).toBeCloseTo(milliseconds, 9))

test.each(['', '5', 's', '5 s', '5x', '1m-5s', '.s'])('%j is no duration', (text) => {
  expect(() => parseDuration('interval', text)).toThrow(new UsageError(`invalid value ${JSON.stringify(text)} for flag -interval: parse error`))
})

describe('the flags of update', () => {
  test('become resources', () => {
    expect(resourcesOf({
      memory: '64m', memorySwap: '-1', memoryReservation: '32m', cpuShare: '512', cpuQuota: '-1', cpuPeriod: '1000',
      cpuBurst: '0', cpuIdle: '1', cpuRtPeriod: '5', cpuRtRuntime: '3', cpusetCpus: '0-1', cpusetMems: '0', blkioWeight: '300',
      pidsLimit: '0',
    })).toEqual({
      memory: { limit: 67108864, swap: -1, reservation: 33554432 },
      cpu: { shares: 512, quota: -1, period: 1000, burst: 0, idle: 1, realtimePeriod: 5, realtimeRuntime: 3, cpus: '0-1', mems: '0' },
      blockIO: { weight: 300 }, pids: { limit: 0 },
    })
  })

  test('that are not given, or empty, are not in them', () => {
    expect(resourcesOf({ memory: '', cpuShare: undefined })).toEqual({})
    expect(resourcesOf({ pidsLimit: '5' })).toEqual({ pids: { limit: 5 } })
  })

  test('a weight is a number of 16 bits', () => {
    expect(() => resourcesOf({ blkioWeight: '70000' })).toThrow('invalid value for blkio-weight: 70000 is not a weight')
    expect(() => resourcesOf({ blkioWeight: 'x' })).toThrow(UsageError)
  })
})
