import type { Spec } from '../schema.ts'

/** Adds a problem: the JSON pointer of the field, and the message in lower case without a full stop. */
export type Report = (field: string, message: string) => void

/** A rule that no single field can be checked for alone. The structure of the spec is known to be right. */
export type Rule = (spec: Spec, report: Report) => void

/** A string in double quotes, as Go's `%q` prints it in runc's messages. */
export const quote = (value: string) => JSON.stringify(value)
