/**
 * What a command is, and how its words become typed values: commander holds the options, their values and the help;
 * the spelling of the words is settled before (words.ts).
 */
import { Command, Option } from 'commander'
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

/** What a command gets to work with. */
export interface Call<F extends Flags = Flags> {
  readonly flags: Values<F>
  readonly operands: readonly string[]
  /** `--root`, or undefined for the library's default. */
  readonly root: string | undefined
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

const converters = {
  boolean: (text: string) => text === 'true',
  number: Number,
  text: (text: string) => text,
  list: (text: string, earlier: readonly string[] = []) => [...earlier, text],
}

const helpFlag: Flags = { help: { kind: 'boolean', short: 'h', help: 'show help' } }

const toOption = (name: string, flag: Flag): Option => {
  const spelled = `${flag.short ? `-${flag.short}, ` : ''}--${name}`
  const option = new Option(`${spelled} <value>`, flag.help).hideHelp(flag.hidden ?? false)
  option.negate = false
  option.argParser<unknown>(converters[flag.kind] as (text: string, earlier: unknown) => unknown)
  if (flag.kind === 'boolean') option.flags = spelled
  if (flag.kind === 'number') option.flags = `${spelled} N`
  if (flag.kind === 'text' || flag.kind === 'list') option.flags = `${spelled} ${flag.value}`
  if (flag.kind === 'text' && flag.fallback !== undefined) option.default(flag.fallback)
  return option
}

/** The commander command of a definition: its options, and its help as `helpInformation()`. */
export const toCommander = ({ name, summary, operands, flags }: Definition): Command => {
  const command = new Command(name === 'nrunc' ? name : `nrunc ${name}`)
  command.description(summary).usage(`[options]${operands && ` ${operands}`}`).helpOption(false).exitOverride()
  command.argument('[operands...]').configureHelp({ visibleArguments: () => [] })
  for (const [flag, about] of Object.entries({ ...flags, ...helpFlag })) command.addOption(toOption(flag, about))
  return command
}

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
  const { settings, operands } = sortWords({ ...definition.flags, ...helpFlag }, words, definition.stops ?? false)
  const command = toCommander(definition as Definition).parse(settings, { from: 'user' })
  const { help, ...flags } = command.opts()
  if (help) return { help: true }
  checkCount(definition.name, definition.count, operands.length)
  return { help: false, flags: flags as Values<F>, operands }
}
