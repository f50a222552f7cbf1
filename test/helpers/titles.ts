/**
 * Documents name tests as `FILE: TITLE`, the file below test/, the title as it stands there.
 */
import { existsSync, readFileSync } from 'node:fs'

/** String literals that begin the arguments of a call or a list, or follow the first argument of one. */
const titles = (source: string): string[] =>
  [...source.matchAll(/(?:[([]\s*|,\s)('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")(?=[,\]])/g)].map(([, literal]) => literal!)

/** What is wrong with a reference to a test, or undefined. */
export function wrongReference(reference: string): string | undefined {
  const [file = '', ...rest] = reference.split(': ')
  const path = new URL(`../${file}`, import.meta.url)
  if (!existsSync(path)) return `there is no ${file}`
  const title = rest.join(': ')
  // After the opening bracket of test(), test.each(...)() or testWith(..., at a list of cases also as the first element.
  const quoted = [JSON.stringify(title), `'${title.replaceAll("'", String.raw`\'`)}'`]
  const known = titles(readFileSync(path, 'utf8'))
  return quoted.some((one) => known.includes(one)) ? undefined : `${file} has no test "${title}"`
}

/** A reference as a link of a document in docs/. */
export function linkTo(reference: string): string {
  const [file = '', ...title] = reference.split(': ')
  return `[${title.join(': ').replaceAll('|', '\\|')}](../test/${file})`
}
