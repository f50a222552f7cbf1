/**
 * Limits of cgroup v2 as properties of a unit, so that systemd knows them and sets them again when it sets its own.
 * Pure. Source: systemd.resource-control(5), org.freedesktop.systemd1(5).
 *
 * Limits for which systemd has no property are in the cgroup's files alone, where all of them are written.
 */
import { Variant } from '../../dbus/wire.ts'
import { invalid, type Limit } from '../limit.ts'

export type Property = readonly [name: string, value: Variant]

/** What systemd writes as `infinity`. */
const INFINITY = (1n << 64n) - 1n

const u64 = (value: bigint): Variant => new Variant('t', value)

/** `max`, or a number of bytes as the kernel reads it: with K, M, G, T. Undefined for what is neither. */
function amount(text: string): bigint | undefined {
  if (text === 'max') return INFINITY
  const [, digits, unit = ''] = /^(\d+)([KMGT]?)$/i.exec(text) ?? []
  return digits === undefined ? undefined : BigInt(digits) << BigInt(' KMGT'.indexOf(unit.toUpperCase() || ' ') * 10)
}

const scalar = (name: string) => ({ value }: Limit): Property[] => {
  const number = amount(value)
  return number === undefined ? [] : [[name, u64(number)]]
}

const set = (name: string) => ({ value, field }: Limit): Property[] => [[name, new Variant('ay', bitsOf(value, field))]]

/** Files of cgroup v2 that have a property. */
const translations: Readonly<Record<string, (limit: Limit) => Property[]>> = {
  'cpu.weight': scalar('CPUWeight'),
  'cpu.max': quota,
  'cpuset.cpus': set('AllowedCPUs'),
  'cpuset.mems': set('AllowedMemoryNodes'),
  'io.weight': ({ value, ...limit }) => scalar('IOWeight')({ ...limit, value: value.replace(/^default\s+/, '') }),
  'memory.max': scalar('MemoryMax'),
  'memory.high': scalar('MemoryHigh'),
  'memory.low': scalar('MemoryLow'),
  'memory.min': scalar('MemoryMin'),
  'memory.swap.max': scalar('MemorySwapMax'),
  'pids.max': scalar('TasksMax'),
}

/**
 * The properties for limits that are files of cgroup v2. Of two limits for one property the later one counts.
 *
 * @throws NruncError ERR_CONFIG_INVALID for a list of CPUs or memory nodes that is none
 */
export function limitProperties(limits: readonly Limit[]): Property[] {
  return [...new Map(limits.flatMap((limit) => translations[limit.file]?.(limit) ?? [])).entries()]
}

/**
 * `cpu.max` has microseconds in a period, systemd microseconds in a second, which it rounds down to whole percents: so
 * they are rounded up, or the limit of a cgroup below would not fit.
 */
function quota({ value }: Limit): Property[] {
  const [max = '', period = '100000'] = value.trim().split(/\s+/)
  if (max !== 'max' && !(/^\d+$/.test(max) && /^\d*[1-9]\d*$/.test(period))) return []
  const second = max === 'max' ? INFINITY : roundUp(BigInt(max) * 1_000_000n / BigInt(period), 10_000n)
  return [['CPUQuotaPeriodUSec', u64(BigInt(period))], ['CPUQuotaPerSecUSec', u64(second)]]
}

const roundUp = (value: bigint, step: bigint): bigint => (value + step - 1n) / step * step

/** The kernel's limit of CPUs, with room. */
const HIGHEST = 65535

/** `0-3,7` as a bit mask, lowest byte first. */
function bitsOf(list: string, field: string): Buffer {
  const bits = Buffer.alloc(HIGHEST / 8 + 1)
  let length = 0
  for (const part of list.split(',').map((one) => one.trim()).filter((one) => one !== '')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? []
    const [from, to] = [Number(first), Number(last)]
    if (!(from <= to && to <= HIGHEST)) throw invalid(field, `invalid range ${JSON.stringify(list)}`)
    for (let bit = from; bit <= to; bit++) bits[bit >> 3]! |= 1 << (bit & 7)
    length = Math.max(length, (to >> 3) + 1)
  }
  return bits.subarray(0, length)
}
