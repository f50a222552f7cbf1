/**
 * One container by its id, or with `--regex` all whose ids match.
 */
import type { Container } from '../container/container.ts'
import { NruncError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import type { Log } from './log.ts'

export const regexFlag = { kind: 'boolean', short: 'r', help: 'the id is a regular expression' } as const

const expression = (text: string): RegExp => {
  try {
    return new RegExp(text)
  } catch (cause) {
    throw new NruncError('ERR_OPTION_INVALID', `invalid regular expression: ${text}`, { operand: text, cause })
  }
}

/**
 * Does WORK on every container whose id matches. What fails on one of them is logged, and the others are still worked on.
 *
 * @returns The exit code: 1 when anything failed. That nothing matches is no failure, as in crun.
 * @throws {NruncError} ERR_OPTION_INVALID for what is no regular expression.
 */
export const eachMatching = async (
  runtime: Runtime, pattern: string, log: Log, work: (container: Container) => Promise<void>,
): Promise<number> => {
  const wanted = expression(pattern)
  let code = 0
  for (const container of await runtime.list()) {
    if (!wanted.test(container.id)) continue
    try {
      await work(container)
    } catch (error) {
      log.error(`${container.id}: ${(error as Error).message}`)
      code = 1
    }
  }
  return code
}
