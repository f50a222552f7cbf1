/**
 * The hooks that run in the runtime's own namespaces: prestart, createRuntime, poststart, poststop.
 * Source: runtime-spec config.md "POSIX-platform Hooks".
 */
import { NruncError } from './errors.ts'
import { job } from './native/addon.ts'
import { errnoMessage, errnoName } from './native/errno.ts'
import { hookEnvironment } from './plan/hooks.ts'
import { signalName } from './signals.ts'
import type { Hook } from './spec/schema.ts'

export type RuntimeHookKind = 'prestart' | 'createRuntime' | 'poststart' | 'poststop'

/**
 * Run hooks one after the other, each with STATE as JSON on its standard input, in the bundle's directory.
 *
 * @throws NruncError ERR_HOOK at the first that cannot be run, fails, or is not done within its timeout (it is killed);
 * with TOLERATE it is told instead, and the next one runs
 */
export async function runHooks(
  hooks: readonly Hook[] | undefined, kind: RuntimeHookKind, state: { readonly bundle: string }, tolerate?: (error: NruncError) => void,
): Promise<void> {
  for (const [index, hook] of (hooks ?? []).entries()) {
    const input = JSON.stringify(state)
    const { a: code, b, data, data2 } = await job((native, id) =>
      native.command(id, hook.path, hook.args ?? [hook.path], hookEnvironment(hook), state.bundle, input, (hook.timeout ?? 0) * 1000))
    if (code === 0 && b === 0) continue
    const cause = code > 0 ? `exit status ${code}` : b > 0 ? `signal: ${signalName(b)}` : describe(b, hook)
    const output = code > 0 || b > 0 ? `, stdout: ${data.toString().trim()}, stderr: ${data2.toString().trim()}` : ''
    const error = new NruncError('ERR_HOOK', `error running ${kind} hook #${index}: ${cause}${output}`, {
      field: `/hooks/${kind}/${index}`, step: 'hook', operand: hook.path, errno: b < 0 ? errnoName(-b) : undefined,
    })
    if (tolerate === undefined) throw error
    tolerate(error)
  }
}

const describe = (result: number, hook: Hook): string =>
  errnoName(-result) === 'ETIMEDOUT' ? `timed out after ${hook.timeout} s` : `cannot run ${JSON.stringify(hook.path)}: ${errnoMessage(-result)}`
