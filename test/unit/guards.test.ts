import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { guards } from '../guards/table.ts'

const at = (name: string): URL => new URL(`../../${name}`, import.meta.url)

test.each(guards.map((guard) => [guard.name, guard] as const))('%s: it can be taken out, its tests are there', (_, { changes, tests }) => {
  for (const [file, guard] of changes) expect(readFileSync(at(file), 'utf8').split(guard), file).toHaveLength(2)
  for (const file of tests) expect(existsSync(at(`test/${file}`)), file).toBe(true)
})

test('no name is given twice', () => {
  expect(new Set(guards.map(({ name }) => name)).size).toBe(guards.length)
})

test('docs/security.md: files and tests that are named there are there', () => {
  const text = readFileSync(at('docs/security.md'), 'utf8')
  const rows = text.split('\n').filter((line) => line.startsWith('|'))
  const named = rows.flatMap((row) => [...row.matchAll(/`((?:addon|lib)\/[\w./-]+|(?:unit|integration|security)\/[\w./-]+)`/g)].map(([, name]) => name!))
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter((name) => !existsSync(at(/^(addon|lib)/.test(name) ? name : `test/${name}.test.ts`)))).toEqual([])
})
