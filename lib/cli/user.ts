/**
 * Users and groups as numbers on the command line.
 */
import { NruncError } from '../errors.ts'

/** 4294967295 is (uid_t) -1, "no change" to setuid(2). */
const highest = 4294967294

/**
 * A user or group id, decimal.
 *
 * @throws {NruncError} ERR_OPTION_INVALID, its message begins with `bad KIND`.
 */
export const parseId = (kind: 'uid' | 'gid', text: string): number => {
  if (/^[0-9]{1,10}$/.test(text) && Number(text) <= highest) return Number(text)
  const message = `bad ${kind}: "${text}" is not a number from 0 to ${highest}`
  throw new NruncError('ERR_OPTION_INVALID', message, { operand: text })
}

/**
 * `UID` or `UID:GID`, the value of `exec --user`.
 *
 * @throws {NruncError} ERR_OPTION_INVALID
 */
export const parseUser = (text: string): { uid: number; gid?: number } => {
  const colon = text.indexOf(':')
  if (colon < 0) return { uid: parseId('uid', text) }
  return { uid: parseId('uid', text.slice(0, colon)), gid: parseId('gid', text.slice(colon + 1)) }
}
