/**
 * The flags of `update` as resources. Source: runc's update.go.
 */
import { NruncError } from '../errors.ts'
import type { Resources } from '../spec/schema.ts'
import type { Flags, Setting } from './words.ts'
import { camelCase } from './command.ts'
import { parseFlagInteger, parseInteger, parseSize } from './numbers.ts'

const microseconds = { kind: 'text', value: 'MICROSECONDS' } as const
const bytes = { kind: 'text', value: 'BYTES' } as const

export const updateFlags = {
  'blkio-weight': { kind: 'text', value: 'WEIGHT', help: 'weight of block I/O, 10 to 1000' },
  'cpu-period': { ...microseconds, help: 'period of the CPU limit' },
  'cpu-quota': { ...microseconds, help: 'CPU time in a period; -1 is no limit' },
  'cpu-burst': { ...microseconds, help: 'CPU time that may be added from unused quota' },
  'cpu-share': { kind: 'text', value: 'SHARES', help: 'share of the CPU against other containers' },
  'cpu-rt-period': { ...microseconds, help: 'period of the limit of realtime tasks' },
  'cpu-rt-runtime': { ...microseconds, help: 'CPU time of realtime tasks in a period' },
  'cpu-idle': { kind: 'text', value: '0|1', help: '1: only what nothing else wants' },
  'cpuset-cpus': { kind: 'text', value: 'CPUS', help: 'CPUs to use, as 0-3,7' },
  'cpuset-mems': { kind: 'text', value: 'NODES', help: 'memory nodes to use' },
  memory: { ...bytes, help: 'limit of memory, as 512m; -1 is no limit' },
  'memory-reservation': { ...bytes, help: 'soft limit of memory' },
  'memory-swap': { ...bytes, help: 'limit of memory and swap together; -1 is no limit' },
  'kernel-memory': { ...bytes, hidden: true, help: 'ignored' },
  'kernel-memory-tcp': { ...bytes, hidden: true, help: 'ignored' },
  'pids-limit': { kind: 'text', value: 'NUMBER', help: 'how many tasks; -1 is no limit' },
} as const satisfies Flags

/** Flags that once meant something, and are only warned of. */
export const ignoredFlags = ['kernel-memory', 'kernel-memory-tcp'] as const

type Given = Readonly<Record<string, Setting['value'] | readonly string[] | undefined>>

/** @throws {NruncError} ERR_OPTION_INVALID @throws {UsageError} for a weight or a number of tasks that is no number */
export const resourcesOf = (flags: Given): Resources => {
  /** An empty value counts as none, as in runc. */
  const convert = <T>(name: keyof typeof updateFlags, how: (name: string, text: string) => T): T | undefined => {
    const text = flags[camelCase(name)]
    return text === undefined || text === '' ? undefined : how(name, String(text))
  }
  const signed = (name: string, text: string) => parseInteger(name, text, 'Int')
  const unsigned = (name: string, text: string) => parseInteger(name, text, 'Uint')
  const plain = (_: string, text: string) => text
  const resources = {
    memory: given({
      limit: convert('memory', parseSize), reservation: convert('memory-reservation', parseSize),
      swap: convert('memory-swap', parseSize),
    }),
    cpu: given({
      shares: convert('cpu-share', unsigned), quota: convert('cpu-quota', signed), period: convert('cpu-period', unsigned),
      burst: convert('cpu-burst', unsigned), idle: convert('cpu-idle', signed), cpus: convert('cpuset-cpus', plain),
      mems: convert('cpuset-mems', plain), realtimeRuntime: convert('cpu-rt-runtime', signed),
      realtimePeriod: convert('cpu-rt-period', unsigned),
    }),
    blockIO: given({ weight: convert('blkio-weight', weight) }),
    pids: given({ limit: convert('pids-limit', parseFlagInteger) }),
  }
  return given(resources) ?? {}
}

const weight = (name: string, text: string): number => {
  const value = parseFlagInteger(name, text)
  if (value >= 0 && value <= 0xffff) return value
  throw new NruncError('ERR_OPTION_INVALID', `invalid value for ${name}: ${text} is not a weight`, { operand: name })
}

/** Without what is undefined; undefined when that leaves nothing. */
const given = <T extends object>(object: T): T | undefined => {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries) as T
}
