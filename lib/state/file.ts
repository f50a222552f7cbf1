/**
 * state.json: what one container is, for every process that works on it. The top-level keys are libcontainer's.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NruncError } from '../errors.ts'
import { orElse } from '../native/refused.ts'
import { parseJson, stringifyJson } from '../spec/parse.ts'
import type { Operation } from '../plan/operations.ts'
import type { Scope } from '../cgroup/layout.ts'
import type { Spec } from '../spec/schema.ts'
import { stateError } from './directory.ts'

export interface StateFile {
  readonly id: string
  readonly init_process_pid: number
  /** Clock ticks after boot: a pid alone may belong to another process by now. proc(5), stat, field 22. */
  readonly init_process_start: number
  /** RFC 3339, UTC. */
  readonly created: string
  readonly config: Spec
  readonly rootless: boolean
  /** cgroup directory by controller; `""` is the cgroup2 directory. */
  readonly cgroup_paths: Readonly<Record<string, string>>
  /** Namespace file by CLONE_NEW* name. */
  readonly namespace_paths: Readonly<Record<string, string>>
  /** What stdin, stdout and stderr of the process were connected to. */
  readonly external_descriptors: readonly string[]
  readonly intel_rdt_path: string
  /** Directories of resctrl that go with the container, the inner ones first. */
  readonly intel_rdt_own?: readonly string[] | undefined
  /** Absolute path of the bundle. */
  readonly bundle: string
  /** Absolute path of the root file system. */
  readonly rootfs: string
  readonly no_new_keyring: boolean
  /** The scope that systemd made for the cgroup; absent with other drivers. */
  readonly systemd?: Scope | undefined
}

const NAME = 'state.json'

/**
 * Written beside; it counts from {@link publishState} on, so that a reader sees the old or the new one, whole. The same
 * holds for one that is staged again: whoever is killed meanwhile leaves the former.
 *
 * @throws NruncError ERR_STATE_INVALID
 */
export function stageState(directory: string, state: StateFile): void {
  const path = `${join(directory, NAME)}.new`
  try {
    writeFileSync(`${path}er`, stringifyState(state), { mode: 0o600 })
    renameSync(`${path}er`, path)
  } catch (error) {
    throw stateError(path, error)
  }
}

/** The process at the end: it is put in when the rest stands in the file already. */
function stringifyState(state: StateFile): string {
  const { init_process_pid, init_process_start, namespace_paths } = state
  return headOf(state) + stringifyJson({ init_process_pid, init_process_start, namespace_paths }).slice(1)
}

/** The config is the most of it, and a frozen one, which many containers share, is always the same. */
function headOf({ config, init_process_pid: _, init_process_start: _start, namespace_paths: _paths, ...rest }: StateFile): string {
  return `${stringifyJson(rest).slice(0, -1)},"config":${Object.isFrozen(config) ? sharedText(config) : stringifyJson(config)},`
}

/** The operation that stages STATE, without a process first; TAIL has the bytes 1 and 2 for its pid and start time. */
export const stagingOf = (directory: string, state: StateFile, tail: string): Operation =>
  ({ op: 'stageState', field: '', path: `${join(directory, NAME)}.new`, head: headOf(state), tail })

const sharedTexts = new WeakMap<Spec, string>()

function sharedText(config: Spec): string {
  const text = sharedTexts.get(config) ?? stringifyJson(config)
  sharedTexts.set(config, text)
  return text
}

/** Give the staged state its name. */
export function publishState(directory: string): void {
  const path = join(directory, NAME)
  try {
    renameSync(`${path}.new`, path)
  } catch (error) {
    throw stateError(path, error)
  }
}

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

/** @throws NruncError ERR_NOT_FOUND, ERR_STATE_INVALID */
export function readState(directory: string, id: string): StateFile {
  let text
  try {
    text = readFileSync(join(directory, NAME), 'utf8')
  } catch (error) {
    if (isMissing(error)) throw notFound(id, error)
    throw stateError(join(directory, NAME), error)
  }
  return parseState(text, join(directory, NAME))
}

/**
 * Whether the state on disk still is that of the same process; the text tells, without parsing it.
 *
 * @throws NruncError ERR_STATE_INVALID when it is there and cannot be read
 */
export function isCurrent(directory: string, state: StateFile): boolean {
  try {
    return readFileSync(join(directory, NAME), 'utf8').includes(processText(state))
  } catch (error) {
    if (isMissing(error)) return false
    throw stateError(join(directory, NAME), error)
  }
}

/** What the text of a state says of its process, which no other process has. */
export const processText = ({ init_process_pid: pid, init_process_start: start }: StateFile): string =>
  `"init_process_pid":${pid},"init_process_start":${start},`

/**
 * The state that a creation has staged and not published; undefined where there is none, or not a whole one.
 *
 * @throws NruncError ERR_HOST when it cannot be read now: what it names would be left behind
 */
export function readStaged(directory: string): StateFile | undefined {
  const path = `${join(directory, NAME)}.new`
  return orElse(undefined, () => parseState(readFileSync(path, 'utf8'), path))
}

/** As JSON.parse would have it, but never half a state, nor that of another runtime. */
function parseState(text: string, path: string): StateFile {
  let state, cause
  try {
    state = parseJson(text, NAME)
  } catch (error) {
    cause = error
  }
  if (isState(state)) return state
  const reason = cause === undefined ? '' : `: ${(cause as Error).message}`
  const message = `${path} is not the state of a container${reason}`
  throw new NruncError('ERR_STATE_INVALID', message, { operand: path, cause })
}

const kinds = {
  id: 'string', init_process_pid: 'number', init_process_start: 'number', created: 'string', config: 'object',
  cgroup_paths: 'object', bundle: 'string', rootfs: 'string',
} as const

const isState = (value: unknown): value is StateFile =>
  typeof value === 'object' && value !== null && Object.entries(kinds).every(([key, kind]) => {
    const one = value[key as never] as unknown
    return typeof one === kind && one !== null
  })

export function notFound(id: string, cause?: unknown): NruncError {
  return new NruncError('ERR_NOT_FOUND', `container ${JSON.stringify(id)} does not exist`, { operand: id, cause })
}
