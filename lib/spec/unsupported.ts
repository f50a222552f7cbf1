/** What the specification has and nrunc has not yet. An entry is deleted when its feature lands. */
import { NruncError } from '../errors.ts'
import type { Problem } from '../errors.ts'
import { pointer } from './pointer.ts'
import type { Spec } from './schema.ts'

interface Entry {
  /** JSON pointer in which `*` stands for any index. */
  readonly field: string
  /** Whether a value asks for something. Default: it is not empty, see {@link isMeaningful}. */
  readonly when?: (value: unknown) => boolean
}

const unsupported: readonly Entry[] = []

/** JSON pointers, in which `*` stands for any index, of what is refused whatever its value asks for. */
export const unsupportedFields: readonly string[] =
  unsupported.filter(({ when }) => when === undefined).map(({ field }) => field)

/** Whether no row of the list above is for this field. */
export const isSupported = (field: string): boolean => unsupported.every((one) => one.field !== field)

const steps = unsupported.map(({ field, when = isMeaningful }) => ({ keys: field.split('/').slice(1), when }))

/**
 * Refuse a config that asks for what is not implemented, instead of starting a container without it. `exec --process`
 * passes `{ process }`.
 *
 * @throws NruncError ERR_CONFIG_UNSUPPORTED that names every such field, in the message and in `problems`.
 */
export function refuseUnsupported(spec: Partial<Spec>): void {
  const problems: Problem[] = []
  for (const { keys, when } of steps) {
    for (const field of find(spec, keys, when, [])) problems.push({ field, message: 'is not supported yet' })
  }
  if (problems.length === 0) return
  const fields = problems.map(({ field }) => field)
  const message = `config.json has what nrunc does not support yet: ${fields.join(', ')}`
  throw new NruncError('ERR_CONFIG_UNSUPPORTED', message, { field: fields[0], problems })
}

/** The pointers of the values at `keys` for which `when` holds. */
function find(
  value: unknown, [key, ...rest]: readonly string[], when: (value: unknown) => boolean,
  path: readonly (string | number)[],
): string[] {
  if (value === undefined) return []
  if (key === undefined) return when(value) ? [pointer(...path)] : []
  if (key !== '*') return find((value as Record<string, unknown>)[key], rest, when, [...path, key])
  return (value as readonly unknown[]).flatMap((item, index) => find(item, rest, when, [...path, index]))
}

/** Go programs write zero values for what they do not set: zero, false, and what is empty or holds only such values. */
function isMeaningful(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(isMeaningful)
  return typeof value === 'bigint' ? value !== 0n : Boolean(value)
}
