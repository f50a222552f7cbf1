/**
 * Reading a bundle. Source: runtime-spec bundle.md.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NruncError } from './errors.ts'
import { parseJson } from './spec/parse.ts'
import type { Spec } from './spec/schema.ts'
import { refuseUnsupported } from './spec/unsupported.ts'
import { validateSpec } from './spec/validate.ts'

/**
 * The valid config of a bundle.
 *
 * @throws NruncError ERR_CONFIG_READ, ERR_CONFIG_PARSE, ERR_CONFIG_INVALID, ERR_CONFIG_UNSUPPORTED
 */
export function loadSpec(bundle: string): Spec {
  const path = join(bundle, 'config.json')
  let text
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    const message = code === 'ENOENT' ? `JSON specification file ${path} not found` : `cannot read ${path}: ${code}`
    throw new NruncError('ERR_CONFIG_READ', message, { operand: path, errno: code, syscall, cause: error })
  }
  return checkSpec(parseJson(text, path))
}

/** The same for a config that is already in memory. */
export function checkSpec(value: unknown): Spec {
  const spec = validateSpec(value)
  refuseUnsupported(spec)
  return spec
}
