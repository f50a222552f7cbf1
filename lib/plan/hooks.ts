/**
 * The hooks that run inside the container. Source: runtime-spec config.md "POSIX-platform Hooks". (The others are run
 * by the host, in `lib/start/hooks.ts`.)
 */
import { outputAnnotations } from '../spec/hooks.ts'
import { pointer } from '../spec/pointer.ts'
import type { Hook, Spec } from '../spec/schema.ts'
import { NO_SLOT, type Operation } from './operations.ts'

const O_WRONLY = 0o1, O_CREAT = 0o100, O_NOCTTY = 0o400, O_APPEND = 0o2000

/** The state as JSON, cut open where the pid belongs, which nobody knows before the clone. */
export interface HookState {
  readonly head: string
  readonly tail: string
}

/** A hook without `env` gets a search path and nothing else: a service's secrets are not for it. */
export const hookEnvironment = ({ env }: Hook): readonly string[] =>
  env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']

export function planHooks(hooks: readonly Hook[] | undefined, kind: string, stateOf: () => HookState): Operation[] {
  if (hooks === undefined || hooks.length === 0) return []
  const state = stateOf()
  return hooks.map((hook, index): Operation => ({
    op: 'hook', field: `/hooks/${kind}/${index}`, path: hook.path, args: hook.args ?? [hook.path], env: hookEnvironment(hook),
    timeout: hook.timeout ?? 0, stateHead: state.head, stateTail: state.tail,
  }))
}

/** Where hooks in the container write: files of the host, which annotations name. */
export interface HookOutput {
  /** For the host, before the clone; each fills a slot. */
  readonly open: readonly Operation[]
  /** For init, before the first hook, and after the last one. */
  readonly begin: readonly Operation[]
  readonly end: readonly Operation[]
}

export function planHookOutput(spec: Spec, firstSlot: number): HookOutput {
  const { createContainer = [], startContainer = [] } = spec.hooks ?? {}
  const annotations = createContainer.length + startContainer.length > 0 ? spec.annotations ?? {} : {}
  const names: readonly string[] = Object.values(outputAnnotations).filter((name) => annotations[name] !== undefined)
  if (names.length === 0) return { open: [], begin: [], end: [] }
  const slot = (name: string): number => (names.includes(name) ? firstSlot + names.indexOf(name) : NO_SLOT)
  const set = (output: number, error: number): Operation[] => [{ op: 'hookOutput', field: '/annotations', output, error }]
  return {
    open: names.map((name): Operation => ({
      op: 'openDescriptor', field: pointer('annotations', name), path: annotations[name]!, flags: O_WRONLY | O_CREAT | O_NOCTTY | O_APPEND, type: 0,
    })),
    begin: set(slot(outputAnnotations.stdout), slot(outputAnnotations.stderr)),
    end: set(NO_SLOT, NO_SLOT),
  }
}
