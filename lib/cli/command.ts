/**
 * What a command is, and how its words become typed values.
 */
import type { Log } from './log.ts'
import { UsageError } from './usage-error.ts'
import { type Flag, type Flags, sortWords } from './words.ts'

type Camel<Name extends string> =
  Name extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Name

type Value<F extends Flag> = F['kind'] extends 'boolean' ? boolean | undefined
  : F['kind'] extends 'number' ? number | undefined
  : F['kind'] extends 'list' ? readonly string[] | undefined
  : F extends { readonly fallback: string } ? string
  : string | undefined

/** The values of a command's flags, by their names in camel case. A flag that was not given is undefined. */
export type Values<F extends Flags> = { readonly [Name in keyof F & string as Camel<Name>]: Value<F[Name]> }

/** Global flags that are the library's options. */
export interface Settings {
  readonly root?: string | undefined
  readonly systemdCgroup?: boolean | undefined
  readonly cgroupManager?: string | undefined
  readonly rootless?: string | undefined
}

/** What a command gets to work with. */
export interface Call<F extends Flags = Flags> {
  readonly flags: Values<F>
  readonly operands: readonly string[]
  /** What the global flags say about the runtime. */
  readonly settings: Settings
  readonly log: Log
}

/** One command of the command line. */
export interface Definition<F extends Flags = Flags> {
  /** `nrunc` for the program itself. */
  readonly name: string
  readonly summary: string
  /** The operands as the usage line shows them, e.g. `<container-id> [signal]`. */
  readonly operands: string
  /** How many operands are allowed: at least, at most. */
  readonly count: readonly [number, number]
  readonly flags: F
  /** Whether the first operand ends the flags. */
  readonly stops?: boolean
  /** Exit code of a failure, and the words before its message. Default 1 and none. */
  readonly failure?: { readonly code: number; readonly prefix: string }
  /** Does the work; resolves to the exit code, or to nothing for 0. */
  run(call: Call<F>): Promise<number | void>
}

/** Gives a definition its types, from its flags. */
export const defineCommand = <const F extends Flags>(definition: Definition<F>): Definition<F> => definition

/** Every command has it. */
export const helpFlag: Flags = { help: { kind: 'boolean', short: 'h', help: 'show help' } }

/** `pid-file` as a name of a property: `pidFile`. */
export const camelCase = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())

const checkCount = (name: string, [least, most]: readonly [number, number], count: number): void => {
  if (count >= least && count <= most) return
  const rule = least === most ? 'exactly' : count < least ? 'a minimum of' : 'a maximum of'
  throw new UsageError(`nrunc: "${name}" requires ${rule} ${count < least ? least : most} argument(s)`, false)
}

/** A command line, understood: either help is asked for, or everything is there that the command needs. */
export type Parsed<F extends Flags> =
  | { readonly help: true }
  | { readonly help: false; readonly flags: Values<F>; readonly operands: readonly string[] }

/**
 * Understands the words after a command's name.
 *
 * @throws {UsageError} In runc's words.
 */
export const parseCommand = <F extends Flags>(definition: Definition<F>, words: readonly string[]): Parsed<F> => {
  const flags: Flags = { ...definition.flags, ...helpFlag }
  const { settings, operands } = sortWords(flags, words, definition.stops ?? false)
  const values: Record<string, unknown> = {}
  for (const [name, flag] of Object.entries(flags)) {
    if (flag.kind === 'text' && flag.fallback !== undefined) values[camelCase(name)] = flag.fallback
  }
  for (const { name, value } of settings) {
    const key = camelCase(name)
    values[key] = flags[name]?.kind === 'list' ? [...((values[key] as string[] | undefined) ?? []), value] : value
  }
  const { help, ...given } = values
  if (help === true) return { help: true }
  checkCount(definition.name, definition.count, operands.length)
  return { help: false, flags: given as Values<F>, operands }
}
