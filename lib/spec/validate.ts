/**
 * From an unknown value to a well-formed `Spec`: first the whole document (tidy.ts), then each field (the schemas),
 * then, if all of them are right, the rules between fields.
 */
import { NruncError } from '../errors.ts'
import { atOnce, type Steps } from '../turns.ts'
import type { Problem } from '../errors.ts'
import { check } from './check.ts'
import { processSchema } from './process.ts'
import type { ProcessSpec } from './process.ts'
import { resourcesSchema } from './resources.ts'
import type { Resources } from './resources.ts'
import { resourceRules, specRules } from './rules/index.ts'
import { type ProcessRule, processRules } from './rules/process.ts'
import type { Rule } from './rules/rule.ts'
import { specSchema } from './schema.ts'
import type { Spec } from './schema.ts'
import { tidy } from './tidy.ts'

/**
 * Check a config. The result is a copy in which null fields are gone and the user is filled in.
 *
 * @throws NruncError ERR_CONFIG_INVALID with everything that is wrong in `problems`, the first one in the message
 * and as `field`.
 * @example
 * const spec = validateSpec(parseJson(await readFile('config.json', 'utf8')))
 */
export const validateSpec = (value: unknown): Spec => atOnce(validation(value))

/** A config that was checked, and what still has to be asked where another one was made of it. */
export interface Known {
  readonly spec: Spec
  asks(rule: Rule | ProcessRule): boolean
}

/** The same step by step. What VALUE has in common with KNOWN is not checked again. */
export function* validation(value: unknown, known?: Known): Steps<Spec> {
  const problems: Problem[] = []
  const report = (field: string, message: string) => void problems.push({ field, message })
  // A copy: what the caller changes later is too late.
  const spec = check<Spec>(specSchema, tidy(value, problems, known?.spec), problems, known?.spec)
  yield
  const asked = (rule: Rule | ProcessRule): boolean => known === undefined || known.asks(rule)
  if (spec !== undefined) {
    if (spec.process !== undefined) for (const rule of processRules.filter(asked)) rule(spec.process, '/process', report)
    for (const rule of specRules.filter(asked)) {
      rule(spec, report)
      yield
    }
    if (problems.length === 0) return spec
  }
  throw invalid('config.json', problems)
}

/**
 * Check a process, as `exec --process` reads it from a file. JSON pointers are relative to the process.
 *
 * @param name - What the document is called in the message of an error.
 * @throws NruncError ERR_CONFIG_INVALID, as {@link validateSpec}.
 */
export function validateProcess(value: unknown, name = 'process'): ProcessSpec {
  const problems: Problem[] = []
  const report = (field: string, message: string) => void problems.push({ field, message })
  const process = check<ProcessSpec>(processSchema, tidy(value, problems), problems)
  if (process !== undefined) {
    for (const rule of processRules) rule(process, '', report)
    if (problems.length === 0) return process
  }
  throw invalid(name, problems)
}

/**
 * Check the resources of an update. JSON pointers are relative to them.
 *
 * @param name - What the document is called in the message of an error.
 * @throws NruncError ERR_CONFIG_INVALID, as {@link validateSpec}.
 */
export function validateResources(value: unknown, name = 'resources'): Resources {
  const problems: Problem[] = []
  const resources = check<Resources>(resourcesSchema, tidy(value, problems), problems)
  if (resources !== undefined) {
    const prefix = '/linux/resources'
    const report = (field: string, message: string) => void problems.push({ field: field.slice(prefix.length), message })
    for (const rule of resourceRules) rule({ linux: { resources } } as Spec, report)
    if (problems.length === 0) return resources
  }
  throw invalid(name, problems)
}

/**
 * The process of a spec, which may be absent from a config that is never started.
 *
 * @throws NruncError ERR_CONFIG_INVALID when it is.
 */
export function requireProcess(spec: Spec): ProcessSpec {
  if (spec.process !== undefined) return spec.process
  throw invalid('config.json', [{ field: '/process', message: 'process property must not be empty' }])
}

function invalid(name: string, problems: readonly Problem[]): NruncError {
  const [first = { field: '', message: 'is invalid' }] = problems
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  const where = first.field === '' ? '' : `${first.field}: `
  return new NruncError('ERR_CONFIG_INVALID', `invalid ${name}: ${where}${first.message}${more}`, {
    field: first.field,
    problems,
  })
}
