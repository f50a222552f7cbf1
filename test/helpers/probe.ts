/**
 * What `/bin/probe` (probe.c) sees in a container.
 */
import { constants } from 'node:os'

export interface Probed {
  /** Targets of the open descriptors, by number. */
  readonly descriptors: Readonly<Record<string, string>>
  readonly args: readonly string[]
  readonly env: readonly string[]
  /** The lines of /proc/self/status. */
  readonly status: Readonly<Record<string, string>>
  /** Signals whose disposition is not the default one. */
  readonly notDefault: readonly number[]
  /** Mask of blocked signals. */
  readonly blocked: number
  /** Soft and hard limit, by the number of the resource. */
  readonly limits: Readonly<Record<string, readonly [string, string]>>
  readonly namespaces: Readonly<Record<string, string>>
  /** Targets of /proc/self/cwd, exe and root. */
  readonly links: Readonly<Record<string, string>>
  /** Contents of files of /proc/self. */
  readonly files: Readonly<Record<string, string>>
  /** Session keyring as `type;uid;gid;permissions;name`. */
  readonly keyring: string
  readonly terminal: { readonly rows: number, readonly columns: number, readonly foreground: boolean } | null
  readonly directory: string
  readonly pid: number
  readonly session: number
  readonly umask: number
  readonly deathSignal: number
  readonly subreaper: number
  readonly dumpable: number
  readonly securebits: number
}

/** The line of JSON that the probe prints without arguments; what stands around it is left out. */
export function parseProbe(output: string): Probed {
  const line = output.split(/\r?\n/).find((one) => one.startsWith('{"descriptors"'))
  if (line === undefined) throw new Error(`no output of the probe in ${JSON.stringify(output)}`)
  return JSON.parse(line) as Probed
}

/** `EACCES` for the `13` that the probe prints about one attempt, `ok` for its `0`; what stands before it is kept. */
export function errnoOf(output: string): string {
  return output.trim().replace(/\d+$/, (digits) => {
    if (digits === '0') return 'ok'
    const found = Object.entries(constants.errno).find(([, number]) => number === Number(digits))
    return found?.[0] ?? digits
  })
}

/** A set of /proc/PID/status such as `00000000a80425fb` as the numbers of its bits. */
export const bitsOf = (hex: string | undefined): number[] => {
  const set = BigInt(`0x${hex ?? ''}`)
  return Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => (set >> BigInt(bit)) & 1n)
}
