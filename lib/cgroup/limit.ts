/**
 * What a resource limit becomes: a value for a file of a cgroup.
 */
import { NruncError } from '../errors.ts'
import { pointer } from '../spec/pointer.ts'
import type { Integer64, Resources } from '../spec/schema.ts'

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

/** `rdma.max`, the same on either version: the device and what is limited of it. */
export const rdmaLimits = (rdma: Resources['rdma'] = {}): Limit[] =>
  Object.entries(rdma).flatMap(([device, { hcaHandles, hcaObjects }]) => {
    const limited = { hca_handle: hcaHandles, hca_object: hcaObjects }
    const words = Object.entries(limited).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
    if (words.length === 0) return []
    const field = pointer('linux', 'resources', 'rdma', device)
    return [{ file: 'rdma.max', value: [device, ...words].join(' '), field, optional: false }]
  })
