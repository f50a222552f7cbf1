import { NruncError } from '../../../lib/errors.ts'
import type { Problem } from '../../../lib/errors.ts'
import { defaultSpec } from '../../../lib/spec/defaults.ts'
import { validateSpec } from '../../../lib/spec/validate.ts'

/** The least that is valid and can be started. */
export const minimal = () => ({
  ociVersion: '1.3.0',
  root: { path: 'rootfs' },
  process: { args: ['sh'], cwd: '/' },
})

/** The default spec with fields set by JSON pointer; `undefined` removes the field. */
export function specWith(changes: Readonly<Record<string, unknown>>): unknown {
  const spec = defaultSpec()
  for (const [field, value] of Object.entries(changes)) {
    const keys = field.split('/').slice(1).map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    const last = keys.pop() ?? ''
    let node = spec as unknown as Record<string, unknown>
    for (const key of keys) node = (node[key] ??= {}) as Record<string, unknown>
    if (value === undefined) delete node[last]
    else node[last] = value
  }
  return spec
}

export function thrown(run: () => unknown): NruncError {
  try {
    run()
  } catch (error) {
    if (error instanceof NruncError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** What is wrong with a config, as `POINTER: MESSAGE`. */
export function problemsOf(value: unknown): string[] {
  try {
    validateSpec(value)
  } catch (error) {
    if (error instanceof NruncError) return error.problems.map(({ field, message }: Problem) => `${field}: ${message}`)
    throw error
  }
  return []
}
