/**
 * The forms that statistics have in the files of cgroups. Pure.
 */
import type { Integer64 } from '../spec/schema.ts'
import type { BlockIoEntry, Pressure, PressureLine } from './statistics.ts'

/** Files that were read. */
export interface Files {
  /** Content of the file at a path, undefined where it could not be read. */
  readonly read: (path: string) => string | undefined
  /** Sizes of the host's huge pages, as `2MB`. */
  readonly sizes: readonly string[]
}

/** A decimal number; `max` is 2^64-1, what is absent or no number is 0. */
export function integer(text: string | undefined): Integer64 {
  const digits = text?.trim() ?? ''
  if (digits === 'max') return (1n << 64n) - 1n
  if (!/^-?\d+$/.test(digits)) return 0
  const value = Number(digits)
  return Number.isSafeInteger(value) ? value : BigInt(digits)
}

/** One that fits a number. */
export const small = (text: string | undefined): number => Number(integer(text))

export function sum(one: Integer64, other: Integer64): Integer64 {
  return integer(String(BigInt(one) + BigInt(other)))
}

/** Lines of the form `KEY VALUE`. */
export function pairs(text: string | undefined): Record<string, Integer64> {
  return Object.fromEntries(lines(text).flatMap((line) => {
    const [key, value] = line.split(' ')
    return key === undefined || value === undefined ? [] : [[key, integer(value)]]
  }))
}

export const lines = (text: string | undefined): string[] => (text ?? '').split('\n').filter((line) => line !== '')

/** More processors than Linux can have: NR_CPUS is 8192 at most. */
const TOO_MANY = 1 << 16

/** `0-2,7` as its numbers; cpuset(7), "List format". What has not its form, or is a number of no processor, is left out. */
export function numberList(text: string | undefined): number[] {
  return (text?.trim() ?? '').split(',').flatMap((part) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? []
    if (Number(last) >= TOO_MANY || first === undefined) return []
    return Array.from({ length: Math.max(0, Number(last) - Number(first) + 1) }, (_, index) => Number(first) + index)
  })
}

/** A pressure file; undefined where the kernel counts none. */
export function pressure(text: string | undefined): Pressure | undefined {
  if (text === undefined || !text.startsWith('some')) return undefined
  const line = (name: string): PressureLine => {
    const words = lines(text).find((one) => one.startsWith(`${name} `))?.split(' ').slice(1) ?? []
    const values = Object.fromEntries(words.map((word) => word.split('=') as [string, string]))
    const average = (text = '') => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : 0)
    return { avg10: average(values['avg10']), avg60: average(values['avg60']), avg300: average(values['avg300']), total: integer(values['total']) }
  }
  return { some: line('some'), full: line('full') }
}

/** A blkio file of v1: `MAJOR:MINOR OP VALUE`, or without OP; the line of the total of all devices is left out. */
export function blockTable(text: string | undefined): BlockIoEntry[] {
  return lines(text).flatMap((line) => {
    const [, major, minor, op = '', value] = /^(\d+):(\d+) (?:(\S+) )?(\d+)$/.exec(line) ?? []
    return value === undefined ? [] : [{ major: Number(major), minor: Number(minor), op, value: integer(value) }]
  })
}

/** A line of words `NAME=VALUE` after a name, as in `io.stat` and `rdma.current`. */
export function keyed(text: string | undefined): { readonly name: string; readonly values: Record<string, string> }[] {
  return lines(text).map((line) => {
    const [name = '', ...words] = line.split(' ')
    return { name, values: Object.fromEntries(words.map((word) => word.split('=')).filter(({ length }) => length === 2)) as Record<string, string> }
  })
}
