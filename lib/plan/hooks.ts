/**
 * The hooks that run inside the container. Source: runtime-spec config.md "POSIX-platform Hooks". (The others are run
 * by the host, in `lib/hooks.ts`.)
 */
import type { Hook } from '../spec/schema.ts'
import type { Operation } from './operations.ts'

/** The state as JSON, cut open where the pid belongs, which nobody knows before the clone. */
export interface HookState {
  readonly head: string
  readonly tail: string
}

/** A hook without `env` gets a search path and nothing else: a service's secrets are not for it. */
export const hookEnvironment = ({ env }: Hook): readonly string[] =>
  env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']

export function planHooks(hooks: readonly Hook[] | undefined, kind: string, state: HookState): Operation[] {
  return (hooks ?? []).map((hook, index): Operation => ({
    op: 'hook', field: `/hooks/${kind}/${index}`, path: hook.path, args: hook.args ?? [hook.path], env: hookEnvironment(hook),
    timeout: hook.timeout ?? 0, stateHead: state.head, stateTail: state.tail,
  }))
}
