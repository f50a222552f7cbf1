/**
 * Completion scripts, made from the definitions of the commands. Each shell gets the same facts as data.
 */
import { type Definition, helpFlag } from './command.ts'
import type { Flags } from './words.ts'

export const shells = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof shells)[number]

/** The program itself, and its commands. */
export interface Definitions {
  readonly program: Definition
  readonly commands: readonly Definition[]
}

interface Word {
  readonly text: string
  readonly help: string
  /** The next word is its value. */
  readonly takesValue: boolean
}

const wordsOf = (flags: Flags): Word[] =>
  Object.entries({ ...flags, ...helpFlag }).filter(([, { hidden }]) => !hidden).flatMap(([name, { short, help, kind }]) =>
    [`--${name}`, ...(short ? [`-${short}`] : [])].map((text) => ({ text, help, takesValue: kind !== 'boolean' })))

const texts = (words: readonly Word[]): string => words.map(({ text }) => text).join(' ')

const withValue = (words: readonly Word[]): string =>
  words.filter(({ takesValue }) => takesValue).map(({ text }) => text).join('|') || '-'

/** Whether the first operand is the id of a container that is there. */
const wantsId = ({ name, operands }: Definition): boolean =>
  /^\[?<?container-id/.test(operands) && !['create', 'run', 'restore', 'explain'].includes(name)

/** What bash and zsh have in common: where the command is, and whether a value is to be completed. */
const table = ({ program, commands }: Definitions, reply: (words: string) => string): string => {
  const rows = commands.map((definition) => {
    const flags = wordsOf(definition.flags)
    return `    ${definition.name}) values='${withValue(flags)}' flags='${texts(flags)}' ids=${wantsId(definition) ? 1 : 0} stops=${definition.stops ? 1 : 0} ;;`
  })
  const global = wordsOf(program.flags)
  return `  case $command in
    '') values='${withValue(global)}' flags='${texts(global)}' ids=0 stops=0 ;;
${rows.join('\n')}
    help) values=- flags= ids=0 stops=0 ;;
    *) return 0 ;;
  esac
  if [ "$stops" = 1 ] && [ "$operands" -gt 0 ]; then return 1; fi
  case "|$values|=|" in
    *"|$previous|"*) return 1 ;;
  esac
  case $command:$current in
    *:-*) ${reply('$flags')} ;;
    :*|help:*) ${reply(`${commands.map(({ name }) => name).join(' ')} help`)} ;;
    *) if [ "$ids" = 1 ] && [ "$operands" = 0 ]; then ${reply('$(_nrunc_ids "$root")')}; else return 1; fi ;;
  esac`
}

/** The words before the cursor: the command, and how many of its operands are there. */
const walk = ({ program, commands }: Definitions, words: string): string => `  for word in ${words}; do
    # bash makes a word of its own of a "="
    if [ "$word" = "=" ]; then skip=1; continue; fi
    if [ "$skip" = 1 ]; then
      skip=0
      if [ "$last" = --root ]; then root=$word; fi
      continue
    fi
    last=$word
    case $command:$word in
      ${withValue(wordsOf(program.flags)).split('|').map((flag) => `:${flag}`).join('|')}) skip=1 ;;
${commands.flatMap(({ name, flags }) => {
  const values = withValue(wordsOf(flags))
  return values === '-' ? [] : [`      ${values.split('|').map((flag) => `${name}:${flag}`).join('|')}) skip=1 ;;`]
}).join('\n')}
      :--root=*) root=\${word#--root=} ;;
      *:-*) ;;
      :*) command=$word ;;
      *) operands=$((operands + 1)) ;;
    esac
  done`

/** The ids below a state root, or the default one. */
const ids = '_nrunc_ids() { if [ -n "$1" ]; then nrunc --root "$1" list -q; else nrunc list -q; fi 2>/dev/null; }'

const bash = (definitions: Definitions): string => `# bash completion for nrunc: source it, or put it into /etc/bash_completion.d
${ids}
_nrunc_words() {
  local values flags ids stops word last= root= skip=0 command= operands=0 current=$1 previous=$2
  shift 2
${walk(definitions, '"$@"')}
${table(definitions, (words) => `COMPREPLY=($(compgen -W "${words}" -- "$current"))`)}
}
_nrunc() {
  COMPREPLY=()
  _nrunc_words "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}" "\${COMP_WORDS[@]:1:COMP_CWORD-1}" ||
    COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o filenames -F _nrunc nrunc
`

const zsh = (definitions: Definitions): string => `#compdef nrunc
# zsh completion for nrunc: put it as _nrunc into a directory of $fpath, or source it after compinit
${ids}
_nrunc_words() {
  local values flags ids stops word last= root= skip=0 command= operands=0 current=$1 previous=$2
  shift 2
${walk(definitions, '"$@"')}
${table(definitions, (words) => `compadd -- \${=:-${words}}`)}
}
_nrunc() {
  _nrunc_words "$words[CURRENT]" "$words[CURRENT-1]" "\${(@)words[2,CURRENT-1]}" || _files
}
if [ "$funcstack[1]" = _nrunc ]; then _nrunc "$@"; else compdef _nrunc nrunc; fi
`

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

const fishFlags = (condition: string, flags: Flags): string[] =>
  Object.entries({ ...flags, ...helpFlag }).filter(([, { hidden }]) => !hidden).map(([name, { short, help, kind }]) =>
    `complete -c nrunc -n ${quote(condition)} -l ${name}${short ? ` -s ${short}` : ''}${kind === 'boolean' ? '' : ' -r -F'} -d ${quote(help)}`)

const fish = ({ program, commands }: Definitions): string => {
  const none = '__fish_use_subcommand'
  const lines = commands.flatMap((definition) => {
    const { name, summary, flags } = definition
    const condition = `__fish_seen_subcommand_from ${name}`
    return [
      `complete -c nrunc -n ${quote(none)} -a ${name} -d ${quote(summary)}`,
      ...fishFlags(condition, flags),
      ...(wantsId(definition) ? [`complete -c nrunc -n ${quote(condition)} -a '(nrunc (string match -r -- "--root[= ]\\S+" (commandline -c) | string split " ") list -q 2>/dev/null)'`] : []),
    ]
  })
  const all = commands.map(({ name }) => name).join(' ')
  return `# fish completion for nrunc: put it into ~/.config/fish/completions
complete -c nrunc -f
${[...fishFlags(none, program.flags), ...lines].join('\n')}
complete -c nrunc -n '${none}' -a help -d 'show the help of the program or of one command'
complete -c nrunc -n '__fish_seen_subcommand_from help' -a '${all}'
`
}

const scripts = { bash, zsh, fish }

/** The script that a user of SHELL sources. */
export const completionScript = (shell: Shell, definitions: Definitions): string => scripts[shell](definitions)
