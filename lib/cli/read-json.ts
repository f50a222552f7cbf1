import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { NruncError } from '../errors.ts'
import { parseJson } from '../spec/parse.ts'

/**
 * Reads a file of JSON, with exact 64-bit integers. `absent` is the message for a file that does not exist.
 *
 * @throws {NruncError} ERR_CONFIG_READ, ERR_CONFIG_PARSE
 */
export const readJson = (path: string, absent?: string): unknown => {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const message = (code === 'ENOENT' ? absent : undefined) ?? `cannot read "${path}": ${code}`
    throw new NruncError('ERR_CONFIG_READ', message, { errno: code, operand: path, cause })
  }
  return parseJson(text, basename(path))
}
