/**
 * The end of every plan: stdio, limits, user, directory, program. For the container's process and for exec's.
 * Source: runtime-spec config.md "Process", execve(2).
 */
import type { ProcessSpec } from '../spec/schema.ts'
import type { GivenDescriptors } from './context.ts'
import { type IdentityFacts, planLimits, planUser } from './identity.ts'
import { planLabels } from './labels.ts'
import { NO_SLOT, type Operation, type Part } from './operations.ts'
import { planScheduling } from './scheduling.ts'

/** A pty for the process, made from the container's devpts. */
export function planConsole(process: ProcessSpec, descriptors: GivenDescriptors, field: string, mountConsole: boolean): Operation[] {
  if (!process.terminal) return []
  const { terminal } = descriptors
  return [{
    op: 'console', field: `${field}/terminal`, receiver: descriptors.consoleSocket ?? NO_SLOT,
    rows: terminal?.rows ?? process.consoleSize?.height ?? 0, columns: terminal?.columns ?? process.consoleSize?.width ?? 0,
    mountConsole: mountConsole ? 1 : 0, keepLineFeeds: terminal?.keepLineFeeds ? 1 : 0,
  }]
}

/** KIND is what the receiver reads, as in runc: `standard` for a container's process, `setns` for one that exec adds. */
export function planPidfd({ pidfdSocket }: GivenDescriptors, kind: 'standard' | 'setns'): Operation[] {
  return pidfdSocket === undefined ? [] : [{ op: 'sendPidfd', field: '', receiver: pidfdSocket, name: kind }]
}

/** Everything up to the point where only execve is left. */
export function planProcess(process: ProcessSpec, descriptors: GivenDescriptors, facts: IdentityFacts): Part[] {
  const { field } = facts
  const changeDirectory = (tolerateDenied: 0 | 1): Operation[] =>
    [{ op: 'changeDirectory', field: `${field}/cwd`, path: process.cwd, tolerateDenied }]
  return [
    () => [
      ...planStdio(descriptors),
      ...planLabels(process, facts),
      // After the descriptors have their numbers, which a low RLIMIT_NOFILE would forbid; before the right to raise goes.
      ...planLimits(process, facts),
      ...planScheduling(process, field),
    ],
    // As root first, because the way there may be closed to the user; as the user again, who must be allowed to stay.
    () => changeDirectory(1),
    () => planUser(process, facts),
    () => changeDirectory(0),
    () => [{ op: 'findProgram', field: `${field}/args/0`, name: process.args[0] ?? '', search: searchPath(process.env ?? []) }],
  ]
}

function planStdio({ stdio: [input, output, error], preserved }: GivenDescriptors): Operation[] {
  return [
    { op: 'stdio', field: '', input, output, error },
    ...preserved.map(({ slot, number }): Operation => ({ op: 'passDescriptor', field: '', descriptor: slot, number })),
  ]
}

/** execve itself; HOME is added where the config has none. */
export function planExecute(process: ProcessSpec, field: string): Operation {
  const env = uniqueEnvironment(process.env ?? [])
  const home = env.some((entry) => entry.startsWith('HOME=') && entry !== 'HOME=')
  return {
    op: 'execute', field: `${field}/args`, args: process.args ?? [],
    env: home ? env : env.filter((entry) => entry !== 'HOME='), home: home ? 0 : 1, uid: process.user.uid,
  }
}

const searchPath = (env: readonly string[]): string =>
  env.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? ''

/** Of a name given twice the last value counts, as in runc. */
function uniqueEnvironment(env: readonly string[]): string[] {
  const last = new Map(env.map((entry, index) => [entry.slice(0, Math.max(entry.indexOf('='), 0)), index]))
  return env.filter((entry, index) => last.get(entry.slice(0, Math.max(entry.indexOf('='), 0))) === index)
}
