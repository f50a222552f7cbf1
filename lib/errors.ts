/**
 * The one error class of nrunc, and the table of its codes.
 */
import { hintFor } from './hints.ts'

/** Every `code` that an {@link NruncError} can carry. */
export const errorCodes = {
  ERR_CONFIG_READ: 'config.json (or another file that was asked for) cannot be read',
  ERR_CONFIG_PARSE: 'config.json is not valid JSON',
  ERR_CONFIG_INVALID: 'config.json breaks a rule of the runtime specification',
  ERR_CONFIG_UNSUPPORTED: 'config.json asks for something that a restore, or the mock, cannot do',
  ERR_OPTION_INVALID: 'an option or argument of the call is unknown or has a bad value',
  ERR_ID_INVALID: 'the container id has characters that are not allowed, or is too long',
  ERR_ID_EXISTS: 'a container with this id exists',
  ERR_NOT_FOUND: 'there is no container with this id',
  ERR_STATE_INVALID: 'the state directory of the container is damaged',
  ERR_STATUS: 'the container is not in a status in which this can be done',
  ERR_HOST: 'the host refused a step (clone, id maps, looking at a process), or has not what it takes (descriptors, memory)',
  ERR_INIT: 'a step inside the new container failed',
  ERR_PROGRAM: 'the program of the container or of exec cannot be executed',
  ERR_HOOK: 'a hook failed or ran out of time',
  ERR_POOL: 'the containers of a config cannot be made ahead',
  ERR_CGROUP: 'a cgroup cannot be read, written or removed',
  ERR_CRIU: 'criu is missing, too old, or failed to make or restore a checkpoint',
  ERR_SIGNAL: 'a signal cannot be sent',
  ERR_FILE: 'a file of a container cannot be read, written or copied',
  ERR_EXIT: 'a program that was run to its end failed',
  ERR_OUTPUT: 'a program that was run to its end wrote more than maxBuffer allows',
  ERR_ABORTED: 'the call was ended by its AbortSignal',
  ERR_TIMEOUT: 'the call or the program took longer than its option timeout allows',
  ERR_NATIVE: 'the native addon cannot be loaded, or one of its calls failed',
} as const

/** The codes of {@link NruncError}; {@link errorCodes} says what each means. */
export type ErrorCode = keyof typeof errorCodes

/** One problem found in a config.json. */
export interface Problem {
  /** JSON pointer (RFC 6901) of the field, `""` for the whole document. */
  readonly field: string
  readonly message: string
}

/** Where and why something failed, as far as it is known. */
export interface ErrorDetails {
  /** JSON pointer of the config field that the failing step came from. */
  readonly field?: string | undefined
  /** Name of the failing step of the plan, e.g. `mount`. */
  readonly step?: string | undefined
  /** Name of the failing system call, e.g. `move_mount`. */
  readonly syscall?: string | undefined
  /** Symbolic errno, e.g. `ENOENT`. */
  readonly errno?: string | undefined
  /** What the step worked on: a path, a name, a number. */
  readonly operand?: string | undefined
  /** What helps, where it is not one of the common failures in `hints.ts`. */
  readonly hint?: string | undefined
  /** Everything that is wrong, when more than one thing is. */
  readonly problems?: readonly Problem[] | undefined
  readonly cause?: unknown
}

/**
 * What every call of nrunc rejects with or throws.
 *
 * @example
 * try { await runtime.run({ id: 'a', bundle: '/b' }) }
 * catch (error) { if (error instanceof NruncError) console.error(error.code, error.field, error.errno) }
 */
export class NruncError extends Error {
  override readonly name: string = 'NruncError'
  readonly code: ErrorCode
  readonly field: string | undefined
  readonly step: string | undefined
  readonly syscall: string | undefined
  readonly errno: string | undefined
  readonly operand: string | undefined
  /** The operand, where it is an absolute path. */
  readonly path: string | undefined
  /** What usually helps. */
  readonly hint: string | undefined
  readonly problems: readonly Problem[]

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.field = details.field
    this.step = details.step
    this.syscall = details.syscall
    this.errno = details.errno
    this.operand = details.operand
    this.path = String(details.operand).startsWith('/') ? details.operand : undefined
    this.hint = details.hint ?? hintFor({ code, ...details })
    this.problems = details.problems ?? []
  }
}
