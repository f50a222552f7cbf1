/**
 * What goes wrong is said twice, as runc does: as one line in the `--log` file, which engines read back, and in plain
 * words on the standard error. Without `--log` the line itself goes to the standard error.
 */
import { openSync } from 'node:fs'
import { NruncError } from '../errors.ts'
import { writeAll } from './output.ts'

/** The levels, each with those before it. */
export const levels = ['error', 'warning', 'debug'] as const

export type Level = (typeof levels)[number]

/** Where a command reports. */
export interface Log {
  /** A failure: one line in the log, and its message on the standard error. */
  error(message: string): void
  warning(message: string): void
  /** Written only with `--debug`, which is `--log-level debug`. */
  debug(message: string): void
}

/** logrus leaves a value bare when it has only these characters. */
const bare = /^[\w\-./@^+]+$/

const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '"': '\\"', '\\': '\\\\' }

/** Go's `%q`: characters that do not print are escaped. */
const quote = (text: string): string => {
  const escaped = text.replace(/["\\]|(?! )[\p{C}\p{Z}]/gu, (character) => {
    const code = character.codePointAt(0) as number
    if (code < 0x80) return escapes[character] ?? `\\x${code.toString(16).padStart(2, '0')}`
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
  return `"${escaped}"`
}

/**
 * One line of the log, with its newline: logrus' text form, or a JSON object with `level`, `msg` and `time`. The time
 * is RFC 3339 in whole seconds, UTC: containerd drops a message whose time it cannot read.
 */
export const formatLine = (format: 'text' | 'json', level: Level, message: string, now: Date): string => {
  const time = now.toISOString().replace(/\.\d+Z$/, 'Z')
  if (format === 'json') return `${JSON.stringify({ level, msg: message, time })}\n`
  return `time="${time}" level=${level} msg=${bare.test(message) ? message : quote(message)}\n`
}

export interface LogOptions {
  /** The file, created with mode 0644 and appended to. Default: the standard error. */
  readonly path?: string | undefined
  /** `text` or `json`. */
  readonly format: string
  /** One of {@link levels}. Default `warning`. */
  readonly level?: string | undefined
}

/**
 * Opens the log.
 *
 * @throws {NruncError} ERR_OPTION_INVALID for an unknown format or level, or a file that cannot be opened.
 */
export const openLog = ({ path, format, level: least = 'warning' }: LogOptions): Log => {
  if (format !== 'text' && format !== 'json') {
    throw new NruncError('ERR_OPTION_INVALID', `invalid log-format: ${format}`)
  }
  const shown = levels.indexOf(least as Level)
  if (shown < 0) throw new NruncError('ERR_OPTION_INVALID', `invalid log-level: ${least}`)
  const file = path ? openFile(path) : undefined
  const write = (level: Level, message: string) => {
    if (levels.indexOf(level) <= shown) tell(file ?? 2, formatLine(format, level, message, new Date()))
  }
  return {
    error: (message) => {
      write('error', message)
      if (file !== undefined) tell(2, `${message}\n`)
    },
    warning: (message) => write('warning', message),
    debug: (message) => write('debug', message),
  }
}

/** A log on a full disk, or one whose reader went away, does not change what the command does. */
const tell = (fd: number, text: string): void => {
  try {
    writeAll(fd, text)
  } catch {}
}

const openFile = (path: string): number => {
  try {
    return openSync(path, 'a', 0o644)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const message = `cannot open the log "${path}": ${code}`
    throw new NruncError('ERR_OPTION_INVALID', message, { errno: code, operand: path, cause })
  }
}
