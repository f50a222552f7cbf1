/**
 * Plan -> lines for people: the operations in the order in which they are executed, each in the words that an error
 * has for it, with the names of flags instead of their numbers.
 */
import { capabilityNames } from '../spec/names.ts'
import { MOUNT_ATTR, MS } from './mount-flags.ts'
import { namespaceFlags } from './namespaces.ts'
import { NO_SLOT, type Operation, operations } from './operations.ts'

const UNLIMITED = (1n << 64n) - 1n

/** Arguments whose zero says something; of the others it means "no". */
const zeroCounts = new Set(['uid', 'gid', 'major', 'minor', 'soft', 'hard', 'mask', 'number', 'limit'])

const names = (table: Readonly<Record<string, number | bigint>>, prefix: string) => (value: bigint): string => {
  let rest = value
  const found = Object.entries(table).flatMap(([name, bit]) => {
    if (BigInt(bit) === 0n || (rest & BigInt(bit)) !== BigInt(bit)) return []
    rest &= ~BigInt(bit)
    return [`${prefix}${name}`]
  })
  return [...found, ...(rest === 0n ? [] : [`0x${rest.toString(16)}`])].join('|')
}

const namespaces = names(namespaceFlags, '')
const mountFlags = names(MS, 'MS_')
const { ATIME, ...single } = MOUNT_ATTR
const attributes = names({ ATIME, ...single }, 'MOUNT_ATTR_') // the mask before what it covers
const capabilities = names(Object.fromEntries(capabilityNames.map((name, bit) => [name, 1n << BigInt(bit)])), '')
const octal = (value: bigint): string => `0${value.toString(8)}`
const limit = (value: bigint): string => (value === UNLIMITED ? 'unlimited' : String(value))

/** How numbers are shown that are no quantities, by `OPERATION.ARGUMENT` or, for all operations, `ARGUMENT`. */
const forms: Readonly<Record<string, (value: bigint) => string>> = {
  'clone.flags': namespaces, 'unshare.flags': namespaces, 'enterNamespace.flags': namespaces, type: namespaces,
  'mount.flags': mountFlags, 'remount.flags': mountFlags, 'setPropagation.flags': mountFlags,
  'rootPropagation.flags': mountFlags, propagation: mountFlags,
  set: attributes, clear: attributes, mustClear: attributes, recursiveSet: attributes, recursiveClear: attributes,
  keep: capabilities, effective: capabilities, permitted: capabilities, inheritable: capabilities, ambient: capabilities,
  'openDescriptor.flags': names({ WRONLY: 1, RDWR: 2, CREAT: 0o100, APPEND: 0o2000, PATH: 0o10000000 }, 'O_'),
  mode: octal, mask: octal, soft: limit, hard: limit,
}

/** What the slots of a plan hold, for its text. */
export type SlotNames = readonly string[]

/**
 * One line for one operation.
 *
 * @example
 * describeOperation({ op: 'umask', field: '/process/user/umask', mask: 18 }, []) // 'set umask mask=022 (/process/user/umask)'
 */
export function describeOperation(operation: Operation, slots: SlotNames): string {
  const { op, field, ...values } = operation
  const { verb, fields } = operations[op]
  const texts = Object.keys(fields).filter((name) => fields[name as never] === 'text')
  const subject = op === 'makeCgroup' || op === 'adoptCgroup' ? 'path' : texts[0]
  const words = [...new Set([...(subject === undefined ? [] : [subject]), ...Object.keys(fields)])].flatMap((name) => {
    const text = show(`${op}.${name}`, name, fields[name as never], values[name as never], slots)
    return text === '' ? [] : [name === subject ? text : `${name}=${text}`]
  })
  return [verb, ...words, ...(field === '' ? [] : [`(${field})`])].join(' ')
}

function show(path: string, name: string, kind: string, value: unknown, slots: SlotNames): string {
  if (typeof value === 'string') return value === '' ? '' : JSON.stringify(value)
  if (value instanceof Uint8Array) return value.length === 0 ? '' : `${value.length} bytes`
  const form = path === 'memoryPolicy.mode' ? undefined : forms[path] ?? forms[name]
  if (Array.isArray(value)) {
    if (value.length === 0) return ''
    return form === undefined ? JSON.stringify(value) : value.map((one: number) => form(BigInt(one))).join(',')
  }
  if (kind === 'slot') return value === NO_SLOT ? '' : slots[value as number] ?? `#${String(value)}`
  const number = BigInt(value as number | bigint)
  if (number === 0n && !zeroCounts.has(name)) return ''
  return form === undefined ? String(number) : form(BigInt.asUintN(64, number))
}

/** Names for the slots of a host's plan: those that were given, then what the plan opens itself. */
export function slotNames(given: SlotNames, host: readonly Operation[]): SlotNames {
  return [...given, ...host.flatMap((one) => (one.op === 'openDescriptor' ? [one.path] : one.op === 'openMappedTree' || one.op === 'openTree' ? [one.source] : []))]
}
