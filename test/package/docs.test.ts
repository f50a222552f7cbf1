/**
 * What the documents say about the package, compared with the package.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { errorCodes } from '../../lib/errors.ts'
import { root } from './project.ts'

const read = (name: string): string => readFileSync(join(root, name), 'utf8')
const readme = read('README.md')
const manifest = JSON.parse(read('package.json')) as
  { version: string, dependencies: Record<string, string>, devDependencies: Record<string, string> }

/** The first cells of the rows of a file's tables that are in backquotes. */
const firstCells = (name: string): string[] => [...read(name).matchAll(/^\| `([^`]+)`/gm)].map(([, cell]) => cell!)

it('docs/errors.md has every code, with what lib/errors.ts says of it', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `(ERR_\w+)` \| ([^|]*) \|/gm)]
  expect(Object.fromEntries(rows.map(([, code, text]) => [code, text!.trim()]))).toEqual(errorCodes)
})

it('docs/dependencies.md has every dependency and no other', () => {
  const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
  expect(firstCells('docs/dependencies.md').sort()).toEqual(names.sort())
})

it('docs/commands.md has every command', () => {
  const files = readdirSync(join(root, 'lib/cli/commands')).map((name) => name.replace(/\.ts$/, ''))
  expect(firstCells('docs/commands.md').map((cell) => cell.split(' ')[0])).toEqual(expect.arrayContaining(files))
})

it('the first two code blocks of the README are a line each, and set up what they need', () => {
  const blocks = [...readme.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].slice(0, 2).map(([, text]) => text!)
  expect(blocks).toHaveLength(2)
  for (const block of blocks) expect(block).toMatch(/^\.\/scripts\/setup && .*\n$/)
  expect(blocks[1]).toBe('./scripts/setup && npm test\n')
})

it('links lead to files', () => {
  for (const name of ['README.md', ...readdirSync(join(root, 'docs')).map((file) => `docs/${file}`)]) {
    for (const [, target] of read(name).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      expect(existsSync(join(root, dirname(name), target!)), `${name}: ${target}`).toBe(true)
    }
  }
})

it('the changelog has the version of package.json', () => {
  expect(read('CHANGELOG.md')).toContain(`## [${manifest.version}]`)
})
