/**
 * What a resource limit becomes: a value for a file of a cgroup.
 */
import { NruncError } from '../errors.ts'
import type { Integer64 } from '../spec/schema.ts'

/** One value for one file of the container's cgroup. */
export interface Limit {
  readonly file: string
  readonly value: string
  /** JSON pointer of the field that it came from. */
  readonly field: string
  /** A kernel without the file is no error. */
  readonly optional: boolean
}

/** Whether the cgroups of CONTROLLER have FILE on this kernel; undefined when that is not known. */
export type HasFile = (controller: string, file: string) => boolean | undefined

/** An integer of config.json that may be absent. */
export type MaybeInteger = Integer64 | undefined

/** File, value (none: the row is left out), name of the field below the prefix, whether the file may be missing. */
export type Row = readonly [file: string, value: string | undefined, name: string, optional?: 'optional' | undefined]

/** The rows that have a value, in their order. PREFIX is the JSON pointer that their names are below. */
export function limits(prefix: string, rows: readonly Row[]): Limit[] {
  return rows.flatMap(([file, value, name, optional]) =>
    value === undefined ? [] : [{ file, value, field: `${prefix}/${name}`, optional: optional === 'optional' }])
}

/** Decimal text of a value for which zero means "not set". */
export const nonZero = (value: MaybeInteger): string | undefined =>
  value === undefined || Number(value) === 0 ? undefined : String(value)

/** Decimal text of a value for which zero is a value. */
export const given = (value: MaybeInteger): string | undefined => (value === undefined ? undefined : String(value))

/** The error of a resource with a bad value: ERR_CONFIG_INVALID. */
export const invalid = (field: string, message: string): NruncError =>
  new NruncError('ERR_CONFIG_INVALID', message, { field })

/**
 * `pids.max`: -1 is no limit. 0 becomes 1: the container's first process needs one, and runc does the same.
 */
export function pidsMax(limit: MaybeInteger): string | undefined {
  if (limit === undefined) return undefined
  if (limit < 0) return 'max'
  return Number(limit) === 0 ? '1' : String(limit)
}
