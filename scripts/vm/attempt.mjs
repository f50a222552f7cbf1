// Programs that run.mjs calls, and the time that all of it may take.
import { spawnSync } from 'node:child_process'

/** Seconds. */
export const patience = Number(process.env.NRUNC_VM_TIMEOUT || 1800)

/** Seconds that are left of it. */
export const remaining = () => Math.max(1, Math.ceil(patience - performance.now() / 1000))

/** This machine cannot do it, which is no failure of the tests. */
export class Unable extends Error {}

/** What a program says when it fails; undefined when it does not. When its time is over it ends with its children. */
export function attempt(program, words, { seconds = 60, ...options } = {}) {
  const limit = Math.min(seconds, remaining())
  const how = { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8', ...options }
  const { status, error, stderr } = spawnSync('timeout', ['-k', '10', String(limit), program, ...words], how)
  if (error) return error.message
  if (status === 124 || status === 137) return `it took more than ${limit} s`
  return status === 0 ? undefined : stderr.trim().split('\n').at(-1) || `${program} ended with ${status}`
}
