/**
 * What a check is, and what the checks look at. Pure; `gather.ts` fills it in.
 */
import type { CgroupHost } from '../cgroup/host.ts'
import type { KernelFeature } from '../native/addon.ts'

/**
 * `ok`: it is there. `limited`: it is there in part, or something else takes its place. `missing`: it is not there, and
 * what it is for cannot be used.
 */
export type CheckStatus = 'ok' | 'limited' | 'missing'

/** One line of the doctor's table. */
export interface Check {
  readonly area: 'nrunc' | 'kernel' | 'cgroup' | 'user' | 'security' | 'tools'
  readonly name: string
  readonly status: CheckStatus
  /** Without it no container can be made: `nrunc doctor` then ends with 1. */
  readonly needed: boolean
  /** What was found, or what cannot be done without it. */
  readonly detail: string
  /** What to change. */
  readonly advice?: string | undefined
}

/** What the checks know of the host. */
export interface Look {
  /** Content of a file, undefined where it cannot be read. */
  read(path: string): string | undefined
  exists(path: string): boolean
  /** Whether the caller may write to the file or directory. */
  writable(path: string): boolean
  /** Absolute path of a program. */
  find(program: string): string | undefined
  readonly uid: number
  readonly user: string
  /** `os.release()`. */
  readonly release: string
  readonly node: string
  /** State root of the library's default. */
  readonly root: string
  /** errno names by feature, empty for what is there; or why there is no addon. */
  readonly addon: Readonly<Record<KernelFeature, string>> | string
  readonly cgroups: CgroupHost
  /** The systemd manager of this caller: its version, or why it cannot be reached; undefined without systemd. */
  readonly systemd?: { readonly version: string } | { readonly problem: string } | undefined
  /** Output of `criu --version`, undefined without criu. */
  readonly criu?: string | undefined
}

type Facts = Partial<Pick<Check, 'needed' | 'advice'>>

/** Checks of one area. */
export const area = (name: Check['area']) => ({
  ok: (check: string, detail: string, facts: Facts = {}): Check => make(name, check, 'ok', detail, facts),
  limited: (check: string, detail: string, facts: Facts = {}): Check => make(name, check, 'limited', detail, facts),
  missing: (check: string, detail: string, facts: Facts = {}): Check => make(name, check, 'missing', detail, facts),
})

const make = (area: Check['area'], name: string, status: CheckStatus, detail: string, { needed = false, advice }: Facts): Check =>
  ({ area, name, status, needed, detail, ...(advice === undefined ? {} : { advice }) })
