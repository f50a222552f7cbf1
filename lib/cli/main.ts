/**
 * The command line: understand, hand over to the command, say what failed.
 */
import { NruncError } from '../errors.ts'
import { type Definition, defineCommand, parseCommand } from './command.ts'
import { type Log, openLog } from './log.ts'
import { print } from './output.ts'
import { UsageError } from './usage-error.ts'
import { packageVersion, versionText } from '../version.ts'

const program = defineCommand({
  name: 'nrunc',
  summary: 'Runs containers as the Open Container Initiative specifies them.',
  operands: '<command> [arguments]',
  count: [0, Infinity],
  stops: true,
  flags: {
    root: { kind: 'text', value: 'DIR', help: 'state directory (default: /run/nrunc or $XDG_RUNTIME_DIR/nrunc)' },
    'systemd-cgroup': { kind: 'boolean', help: 'let systemd make the cgroups; cgroupsPath is slice:prefix:name' },
    'cgroup-manager': { kind: 'text', value: 'NAME', help: 'cgroupfs (default), systemd or disabled' },
    rootless: { kind: 'text', value: 'VALUE', fallback: 'auto', help: 'cgroups as delegated: true, false or auto (default)' },
    log: { kind: 'text', value: 'FILE', help: 'log file (default: the standard error)' },
    'log-format': { kind: 'text', value: 'FORMAT', fallback: 'text', help: 'text (default) or json' },
    'log-level': { kind: 'text', value: 'LEVEL', fallback: 'warning', help: 'error, warning (default) or debug' },
    debug: { kind: 'boolean', help: 'log more: --log-level debug' },
    version: { kind: 'boolean', short: 'v', help: 'print the version' },
  },
  run: async () => {},
})

/** A command's file is loaded only when the command is called. */
const commands: Readonly<Record<string, () => Promise<{ readonly command: Definition }>>> = {
  checkpoint: () => import('./commands/checkpoint.ts'),
  completion: () => import('./commands/completion.ts'),
  create: () => import('./commands/create.ts'),
  delete: () => import('./commands/delete.ts'),
  doctor: () => import('./commands/doctor.ts'),
  events: () => import('./commands/events.ts'),
  exec: () => import('./commands/exec.ts'),
  explain: () => import('./commands/explain.ts'),
  features: () => import('./commands/features.ts'),
  kill: () => import('./commands/kill.ts'),
  list: () => import('./commands/list.ts'),
  pause: () => import('./commands/pause.ts'),
  ps: () => import('./commands/ps.ts'),
  restore: () => import('./commands/restore.ts'),
  resume: () => import('./commands/resume.ts'),
  run: () => import('./commands/run.ts'),
  spec: () => import('./commands/spec.ts'),
  start: () => import('./commands/start.ts'),
  state: () => import('./commands/state.ts'),
  update: () => import('./commands/update.ts'),
}

const find = async (name: string): Promise<Definition | undefined> =>
  Object.hasOwn(commands, name) ? (await commands[name]?.())?.command : undefined

/** What engines call for each container. */
const usual = ['create', 'start', 'state', 'exec', 'kill', 'delete', 'run']

/**
 * Loads what the usual commands need, for an image from which they start (scripts/snapshot.mjs). Nothing that is loaded may
 * look at the host: it would be the host's state of the day when the image was made.
 */
export const prepare = async (): Promise<void> => {
  await Promise.all([...usual.map(find), import('../runtime.ts')])
}

/** The program and all of its commands, for what is made from them. */
export const definitions = async (): Promise<{ readonly program: Definition; readonly commands: readonly Definition[] }> => ({
  program, commands: (await Promise.all(Object.keys(commands).map(find))).filter((command) => command !== undefined),
})

const showHelp = async (definition: Definition): Promise<void> => {
  const { commandHelp, programHelp } = await import('./help.ts')
  if (definition !== program) return print(commandHelp(definition))
  print(programHelp(program, (await definitions()).commands))
}

/** The exit code of a command, or of a help topic, that does not exist: runc's. */
const unknownTopic = 3

const help = async (topic: string | undefined, log: Log): Promise<number> => {
  const definition = topic === undefined ? program : await find(topic)
  if (definition) await showHelp(definition)
  else log.error(`No help topic for '${topic}'`)
  return definition ? 0 : unknownTopic
}

const describe = (error: unknown): string => {
  if (!(error instanceof NruncError)) return error instanceof Error ? (error.stack ?? error.message) : String(error)
  const { code, field, step, syscall, errno, operand, stack } = error
  return `${JSON.stringify({ code, field, step, syscall, errno, operand })} ${stack}`
}

const fail = async (error: unknown, definition: Definition, log: Log): Promise<number> => {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof UsageError) {
    const colon = definition === program ? '.' : ':'
    print(error.syntax ? `Incorrect Usage${colon} ${message}\n\n` : 'Incorrect Usage.\n\n')
    await showHelp(definition)
    log.error(message)
    return 1
  }
  log.debug(describe(error))
  log.error(`${definition.failure?.prefix ?? ''}${message}`)
  return definition.failure?.code ?? 1
}

/** What goes wrong without being a failure, e.g. a poststop hook, is in the log, and not in Node's form. */
const takeWarnings = (log: Log): void => {
  process.removeAllListeners('warning').on('warning', ({ message }) => log.warning(message))
}

/**
 * Runs one command line (without the program's name) and resolves to its exit code: the container's, or 128 + the
 * signal that killed it; 1 for a failure or a wrong command line, 255 for a failure of `exec`. It never rejects.
 */
export const main = async (words: readonly string[]): Promise<number> => {
  let log = openLog({ format: 'text' })
  let definition: Definition = program
  try {
    const global = parseCommand(program, words)
    if (global.help) return await help(undefined, log)
    const { version, log: path, logFormat: format, logLevel, debug } = global.flags
    if (version) {
      print(versionText())
      return 0
    }
    log = openLog({ path, format, level: debug ? 'debug' : logLevel })
    takeWarnings(log)
    const [name, ...rest] = global.operands
    if (name === undefined || name === 'help' || name === 'h') return await help(rest[0], log)
    const found = await find(name)
    if (!found) return await help(name, log)
    definition = found
    log.debug(`nrunc ${packageVersion()}: ${words.join(' ')}`)
    const parsed = parseCommand(definition, rest)
    if (parsed.help) return await help(name, log)
    return (await definition.run({ flags: parsed.flags, operands: parsed.operands, settings: global.flags, log })) ?? 0
  } catch (error) {
    return await fail(error, definition, log)
  }
}
