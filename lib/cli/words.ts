/**
 * The flag syntax of Go's `flag` package and of urfave/cli, which runc's clients write: `-flag` and `--flag` are the
 * same, a value follows after `=` or as the next word, a boolean takes `=true`, short flags are never joined. No parser
 * for getopt's syntax reads that.
 */
import { UsageError } from './usage-error.ts'

interface FlagText {
  /** One letter, without the dash. */
  readonly short?: string
  readonly help: string
  /** Accepted, but not shown in the help. */
  readonly hidden?: true
}

/** One flag of a command. `list` may be repeated and keeps every value; for the other kinds the last one counts. */
export type Flag = FlagText &
  (
    | { readonly kind: 'boolean' }
    | { readonly kind: 'number' }
    /** `bare`: the value when the flag stands alone; another one then takes a `=`. */
    | { readonly kind: 'text'; readonly value: string; readonly fallback?: string; readonly bare?: string }
    | { readonly kind: 'list'; readonly value: string }
  )

/** The flags of a command by their long names, without dashes. */
export type Flags = Readonly<Record<string, Flag>>

/** One flag as it was given: its long name and its value. */
export interface Setting {
  readonly name: string
  readonly value: string | number | boolean
}

/** The words of a command line, sorted. */
export interface SortedWords {
  readonly settings: readonly Setting[]
  readonly operands: readonly string[]
}

/** strconv.ParseBool's words. */
const yes = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const no = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False'])

const longName = (flags: Flags, spelled: string): string | undefined => {
  if (Object.hasOwn(flags, spelled)) return spelled
  return Object.keys(flags).find((name) => flags[name]?.short === spelled)
}

const convert = (flag: Flag, spelled: string, value: string): Setting['value'] => {
  if (flag.kind === 'boolean') {
    if (yes.has(value) || no.has(value)) return yes.has(value)
    throw new UsageError(`invalid boolean value "${value}" for -${spelled}: parse error`)
  }
  if (flag.kind !== 'number') return value
  if (/^[0-9]{1,9}$/.test(value)) return Number(value)
  throw new UsageError(`invalid value "${value}" for flag -${spelled}: parse error`)
}

/** What a flag without a value means; undefined for one that needs it. */
const alone = (flag: Flag): string | undefined => (flag.kind === 'boolean' ? 'true' : flag.kind === 'text' ? flag.bare : undefined)

/**
 * Sorts the words of a command into flags and operands. With `stops`, everything from the first operand on is an
 * operand (the command line of `exec`); without it flags may stand anywhere before a `--`, as in runc.
 *
 * @throws {UsageError} In Go's words: a flag that is not defined, lacks its value, or has a bad one.
 */
export const sortWords = (flags: Flags, words: readonly string[], stops: boolean): SortedWords => {
  const settings: Setting[] = []
  const operands: string[] = []
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string
    if (word === '--') {
      operands.push(...words.slice(index + 1))
      break
    }
    if (word === '-' || !word.startsWith('-')) {
      if (stops) {
        operands.push(...words.slice(index))
        break
      }
      operands.push(word)
      continue
    }
    const text = word.replace(/^--?/, '')
    if (text.startsWith('-') || text.startsWith('=')) throw new UsageError(`bad flag syntax: ${word}`)
    const equals = text.indexOf('=')
    const spelled = equals < 0 ? text : text.slice(0, equals)
    const name = longName(flags, spelled)
    const flag = name === undefined ? undefined : flags[name]
    if (name === undefined || !flag) throw new UsageError(`flag provided but not defined: -${spelled}`)
    let value = equals < 0 ? undefined : text.slice(equals + 1)
    if (value === undefined) value = alone(flag) ?? words[++index]
    if (value === undefined) throw new UsageError(`flag needs an argument: -${spelled}`)
    settings.push({ name, value: convert(flag, spelled, value) })
  }
  return { settings, operands }
}
