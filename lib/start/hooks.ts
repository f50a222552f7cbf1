/**
 * The hooks that run in the runtime's own namespaces: prestart, createRuntime, poststart, poststop.
 * Source: runtime-spec config.md "POSIX-platform Hooks".
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Deadline } from '../options/deadline.ts'
import { NruncError } from '../errors.ts'
import { addon, job } from '../native/addon.ts'
import { errnoMessage, errnoName } from '../native/errno.ts'
import { checkOptions, type State } from '../options/options.ts'
import { hookEnvironment } from '../plan/hooks.ts'
import { signalName } from '../container/signals.ts'
import { outputAnnotations } from '../spec/hooks.ts'
import { pointer } from '../spec/pointer.ts'
import type { Hook } from '../spec/schema.ts'

export type RuntimeHookKind = 'prestart' | 'createRuntime' | 'poststart' | 'poststop'

/** The state as a hook gets it; without a pid when the container has ended. */
export type HookState = Omit<State, 'pid'> & { readonly pid?: number | undefined }

/** Gets what a hook of config.json has on its standard input: runtime-spec runtime.md "State". */
export type HookFunction = (state: HookState) => unknown

/** They run after those of config.json of the same kind, one after the other; each is awaited. */
export type HookFunctions = { readonly [K in RuntimeHookKind]?: HookFunction | readonly HookFunction[] | undefined }

/** Milliseconds; what the addon takes. */
const LONGEST = 2 ** 32 - 1

const kinds = new Set<string>(['prestart', 'createRuntime', 'poststart', 'poststop'] satisfies RuntimeHookKind[])

/** @throws NruncError ERR_OPTION_INVALID */
export function checkHookFunctions(hooks: HookFunctions = {}): void {
  for (const [kind, functions] of Object.entries(hooks)) {
    if (kind === 'createContainer' || kind === 'startContainer') {
      throw new NruncError('ERR_OPTION_INVALID', `${kind} hooks run inside the container: they can only be programs of config.json`, { operand: kind })
    }
    if (functions === undefined) continue
    if (![functions].flat().every((one) => typeof one === 'function')) {
      throw new NruncError('ERR_OPTION_INVALID', `hooks.${kind} must be a function or a list of functions`, { operand: kind })
    }
  }
  checkOptions(hooks, kinds)
}

export const hasHookFunctions = (hooks: HookFunctions | undefined, ...wanted: readonly RuntimeHookKind[]): boolean =>
  wanted.some((kind) => [hooks?.[kind] ?? []].flat().length > 0)

interface Around {
  /** When it fires before they are done: what it says is thrown. */
  readonly deadline?: Deadline | undefined
  /** Told of a hook that fails; the next one runs. */
  readonly tolerate?: (error: NruncError) => void
}

/** @throws NruncError ERR_HOOK at the first that throws, with what it threw as `cause` */
export async function runHookFunctions(
  hooks: HookFunctions | undefined, kind: RuntimeHookKind, state: HookState, { deadline, tolerate }: Around = {},
): Promise<void> {
  for (const [index, hook] of [hooks?.[kind] ?? []].flat().entries()) {
    const work = (async () => hook(state))()
    try {
      await (deadline?.race(work) ?? work)
    } catch (cause) {
      deadline?.check()
      const why = cause instanceof Error ? cause.message : String(cause)
      const error = new NruncError('ERR_HOOK', `error running ${kind} hook function #${index}: ${why}`, { step: 'hook', cause })
      if (tolerate === undefined) throw error
      tolerate(error)
    }
  }
}

/**
 * Run hooks one after the other, each with STATE as JSON on its standard input, in the bundle's directory. One that runs
 * when the deadline fires, or when the worker thread of a start is terminated, is killed.
 *
 * @throws NruncError ERR_HOOK at the first that cannot be run, fails, or is not done within its timeout (it is killed)
 */
export async function runHooks(
  hooks: readonly Hook[] | undefined, kind: RuntimeHookKind, state: Pick<HookState, 'bundle' | 'annotations'>, { deadline, tolerate }: Around = {},
): Promise<void> {
  for (const [index, hook] of (hooks ?? []).entries()) {
    try {
      await runHook(hook, kind, index, state, deadline)
    } catch (error) {
      deadline?.check()
      if (tolerate === undefined) throw error
      tolerate(error as NruncError)
    }
  }
}

async function runHook(
  hook: Hook, kind: RuntimeHookKind, index: number, state: Pick<HookState, 'bundle' | 'annotations'>, deadline: Deadline | undefined,
): Promise<void> {
  await using output = await openOutput('stdout', state)
  await using error = await openOutput('stderr', state)
  // What is done after the end of a container goes on where nobody waits for it any more.
  using cancel = kind === 'poststop' ? undefined : new Cancel(deadline)
  const { a: code, b, data, data2 } = await job((native, id) => native.command(
    id, hook.path, hook.args ?? [hook.path], hookEnvironment(hook), state.bundle, JSON.stringify(state),
    Math.min((hook.timeout ?? 0) * 1000, LONGEST),
    output?.fd ?? -1, error?.fd ?? -1, cancel?.descriptor ?? -1))
  deadline?.check()
  if (code === 0 && b === 0) return
  const cause = code > 0 ? `exit status ${code}` : b > 0 ? `signal: ${signalName(b)}` : describe(b, hook)
  const words = code > 0 || b > 0 ? `, stdout: ${data.toString().trim()}, stderr: ${data2.toString().trim()}` : ''
  throw new NruncError('ERR_HOOK', `error running ${kind} hook #${index}: ${cause}${words}`, {
    field: `/hooks/${kind}/${index}`, step: 'hook', operand: hook.path, errno: b < 0 ? errnoName(-b) : undefined,
  })
}

/** A pipe whose other end is closed when a deadline fires. Without a descriptor to spare there is none: the program will not start either. */
class Cancel {
  readonly descriptor: number
  readonly #end: number
  readonly #forget: (() => void) | undefined
  #open: boolean

  constructor(deadline: Deadline | undefined) {
    const [read, write] = addon().pipe()
    this.descriptor = Math.max(read, -1)
    this.#end = write
    this.#open = read >= 0
    this.#forget = deadline?.onLate(() => this.#close())
  }

  [Symbol.dispose](): void {
    this.#forget?.()
    this.#close()
    if (this.descriptor >= 0) addon().close(this.descriptor)
  }

  #close(): void {
    if (this.#open) addon().close(this.#end)
    this.#open = false
  }
}

/** The file that an annotation names for what hooks write. */
async function openOutput(stream: keyof typeof outputAnnotations, { annotations }: Pick<HookState, 'annotations'>): Promise<FileHandle | undefined> {
  const name = outputAnnotations[stream]
  const path = annotations?.[name]
  if (path === undefined) return undefined
  try {
    return await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOCTTY, 0o600)
  } catch (cause) {
    const { code: errno } = cause as NodeJS.ErrnoException
    throw new NruncError('ERR_HOOK', `cannot open ${JSON.stringify(path)} for the hooks: ${errno}`, {
      field: pointer('annotations', name), step: 'hook', syscall: 'open', errno, operand: path, cause,
    })
  }
}

const describe = (result: number, hook: Hook): string =>
  errnoName(-result) === 'ETIMEDOUT' ? `timed out after ${hook.timeout} s` : `cannot run ${JSON.stringify(hook.path)}: ${errnoMessage(-result)}`
