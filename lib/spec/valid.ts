/**
 * A config that was checked once, of which many are made that differ in little.
 */
import { atOnce } from '../turns.ts'
import { changedSpec, type Changes, changesOf } from './changes.ts'
import { concerns, type Facts, noting, watchedSpec } from './looked.ts'
import { specRules } from './rules/index.ts'
import { type ProcessRule, processRules } from './rules/process.ts'
import type { Rule } from './rules/rule.ts'
import type { Spec } from './schema.ts'
import { validation } from './validate.ts'

export class ValidSpec {
  readonly spec: Spec
  /** What each rule has looked at: while that stays as it is the rule has nothing to say. */
  #facts: ReadonlyMap<Rule | ProcessRule, Facts> | undefined

  /** SPEC must not change any more. */
  constructor(spec: Spec) {
    this.spec = spec
  }

  /**
   * The config with CHANGES, of which only they are checked. It shares with this one what is the same.
   *
   * @throws NruncError ERR_CONFIG_INVALID, as {@link validateSpec} of the whole
   */
  with(changes: Changes): Spec {
    const facts = this.#facts ??= factsOf(this.spec)
    const changed = changesOf(changes)
    return atOnce(validation(changedSpec(this.spec, changes), { spec: this.spec, asks: (rule) => concerns(facts.get(rule)!, changed) }))
  }
}

function factsOf(spec: Spec): Map<Rule | ProcessRule, Facts> {
  const view = watchedSpec(spec)
  const report = (): void => {}
  return new Map<Rule | ProcessRule, Facts>([
    ...processRules.map((rule) => [rule, noting(() => view.process && rule(view.process, '', report)).facts] as const),
    ...specRules.map((rule) => [rule, noting(() => rule(view, report)).facts] as const),
  ])
}
