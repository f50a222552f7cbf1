/** The words of a command line: settings and operands, or a UsageError. */
import { definitions } from '../lib/cli/main.ts'
import { UsageError } from '../lib/cli/usage-error.ts'
import { sortWords } from '../lib/cli/words.ts'
import type { Random } from '../test/unit/plan/random.ts'
import type { Target } from './target.ts'

interface Line {
  readonly command: number
  readonly words: readonly string[]
  /** Words after an operand may be flags too. */
  readonly mixed: boolean
}

const commands = (await definitions()).commands
const pieces = [
  '-', '--', '=', '', '-=', '--=x', 'a', '1', 'true', '-1', '99999999999', '\u0000', '__proto__', '--__proto__', '-constructor',
  '--toString=1', '{}', 'x'.repeat(10000),
]

function word(flags: readonly string[], from: Random): string {
  const flag = flags.length === 0 ? from.pick(pieces) : from.pick(flags)
  return from.pick([from.pick(pieces), `--${flag}`, `-${flag}=${from.pick(pieces)}`, `-${from.pick(pieces)}`])
}

function change({ words }: Line, other: Line, from: Random): Line {
  const command = from.below(commands.length)
  const flags = Object.keys(commands[command]!.flags)
  const kept = [...words.slice(0, from.below(words.length + 1)), ...other.words.slice(from.below(other.words.length + 1))]
  const added = Array.from({ length: from.below(4) }, () => word(flags, from))
  return { command, words: [...kept, ...added].slice(-12), mixed: from.below(2) === 0 }
}

export const words: Target = {
  seeds: [{ command: 0, words: [], mixed: false }],
  change: (line, other, from) => change(line as Line, other as Line, from),
  sources: 'lib/cli/',
  run(text) {
    const { command = 0, words: given = [], mixed = false } = JSON.parse(text) as Partial<Line>
    try {
      sortWords(commands[command % commands.length]!.flags, [...given], mixed)
      return 'sorted'
    } catch (error) {
      if (error instanceof UsageError) return 'usage'
      throw error
    }
  },
}
