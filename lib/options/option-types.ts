/**
 * What options have to be, by their names: a name means the same in every call. What is not here, because it has a form of
 * its own, is checked where it is used.
 */
import { NruncError } from '../errors.ts'

interface Type {
  readonly holds: (value: unknown) => boolean
  readonly words: string
}

// A zero byte would end the text on its way to the kernel, and the rest of a path would be ignored.
const text: Type = { holds: (value) => typeof value === 'string' && !value.includes('\0'), words: 'a string without zero bytes' }
// They become a part of the config, which is checked for the rest.
const texts: Type = { holds: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'), words: 'a list of strings' }
const flag: Type = { holds: (value) => typeof value === 'boolean', words: 'true or false' }
const object: Type = { holds: (value) => typeof value === 'object' && value !== null && !Array.isArray(value), words: 'an object' }

const callable: Type = { holds: (value) => typeof value === 'function', words: 'a function' }

const isLength = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65535
const size: Type = {
  holds: (value) => object.holds(value) && isLength((value as { rows: unknown }).rows) && isLength((value as { columns: unknown }).columns),
  words: '{ rows, columns }, integers from 0 to 65535',
}

const named = (type: Type, ...names: readonly string[]): readonly (readonly [string, Type])[] => names.map((name) => [name, type])

const types: ReadonlyMap<string, Type> = new Map([
  ...named(text, 'bundle', 'root', 'cwd', 'hostname', 'consoleSocket', 'pidfdSocket', 'pidFile', 'apparmorProfile', 'selinuxLabel',
    'cgroupsPath', 'cgroupsParent', 'workPath', 'parentPath', 'lsmProfile', 'lsmMountContext'),
  ...named(texts, 'args', 'env', 'capabilities'),
  ...named(flag, 'terminal', 'keepLineFeeds', 'noPivot', 'noNewKeyring', 'noNewPrivileges', 'ignorePaused', 'force', 'stats', 'lines',
    'stripFinalNewline', 'buffer', 'reject', 'tcpEstablished', 'extUnixSk', 'shellJob', 'fileLocks', 'lazyPages', 'autoDedup',
    'leaveRunning', 'preDump', 'tcpSkipInFlight', 'linkRemap', 'tcpClose', 'bareMounts'),
  ...named(object, 'host', 'hooks', 'user', 'notify', 'annotations', 'pageServer'),
  ...named(callable, 'seccompNotify'),
  ...named(size, 'terminalSize'),
])

/** @throws NruncError ERR_OPTION_INVALID for what are no options */
export function checkObject(options: unknown): void {
  if (!object.holds(options)) throw new NruncError('ERR_OPTION_INVALID', `options must be an object, not ${String(options)}`)
}

/** @throws NruncError ERR_OPTION_INVALID for what is no path, or whatever else WHAT is that has to be a text */
export function checkText(what: string, value: unknown): void {
  if (!text.holds(value)) throw new NruncError('ERR_OPTION_INVALID', `${what} must be ${text.words}`, { operand: what })
}

/** @throws NruncError ERR_OPTION_INVALID for the first option that is not what its name says; undefined is always one that is not given */
export function checkTypes(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    const type = types.get(name)
    if (value === undefined || type === undefined || type.holds(value)) continue
    throw new NruncError('ERR_OPTION_INVALID', `${name} must be ${type.words}`, { operand: name })
  }
}

/** @throws NruncError ERR_OPTION_INVALID */
export function checkSize(given: unknown): void {
  if (!size.holds(given)) throw new NruncError('ERR_OPTION_INVALID', `the size must be ${size.words}`, { operand: 'size' })
}
