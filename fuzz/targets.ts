/** All targets, and the runs that nothing guides. */
import type { Random } from '../test/unit/plan/random.ts'
import { stringifyJson } from '../lib/spec/parse.ts'
import { cgroup } from './cgroup.ts'
import { config } from './config.ts'
import { criu } from './criu.ts'
import { dbus } from './dbus.ts'
import { garble, type Json } from './mutate.ts'
import { seccomp } from './seccomp.ts'
import { state } from './state.ts'
import type { Target } from './target.ts'
import { words } from './words.ts'

export const targets: Readonly<Record<string, Target>> = { config, seccomp, words, state, cgroup, criu, dbus }

/** The text of a document that is made of two others. */
export const textOf = (target: Target, one: Json, other: Json, from: Random): string => stringifyJson(target.change(one, other, from))

/** A text at random, one in eight damaged. @returns how it ended */
export function runOnce(target: Target, from: Random): string {
  const text = textOf(target, from.pick(target.seeds), from.pick(target.seeds), from)
  return target.run(target.sources === 'lib/' && from.below(8) === 0 ? garble(text, from) : text)
}
