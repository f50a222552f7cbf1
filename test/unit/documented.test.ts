/** Every symbol that the library exports says what it is, and so does every method of its classes. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const lib = join(import.meta.dirname, '../../lib')
const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.startsWith('cli/')).map((name) => readFileSync(join(lib, name), 'utf8'))

const exported = ['index.ts', 'mock/index.ts'].flatMap((name) => {
  const text = readFileSync(join(lib, name), 'utf8')
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names]) => names!.split(',').map((one) => one.replace('type', '').trim()).filter(Boolean))
})

/** The source in which a symbol is declared, from its declaration on, and whether a comment ends right above it. */
function declarationOf(name: string): { readonly body: string; readonly documented: boolean } {
  for (const source of sources) {
    const found = new RegExp(String.raw`^export (?:abstract )?(?:async )?(?:class|interface|type|const|function\*?) ${name}\b`, 'm').exec(source)
    if (found === null) continue
    const rest = source.slice(found.index)
    return { body: rest.slice(0, /^\}/m.exec(rest)?.index ?? rest.length), documented: source.slice(0, found.index).trimEnd().endsWith('*/') }
  }
  throw new Error(`${name} is declared nowhere`)
}

test.each(exported)('%s', (name) => expect(declarationOf(name).documented).toBe(true))

test.each(['Runtime', 'Container', 'ContainerProcess', 'Template', 'Pool', 'Execution', 'Terminal'])('the methods of %s', (name) => {
  const lines = declarationOf(name).body.split('\n')
  const bare = lines.flatMap((line, at) => {
    const method = /^ {2}(?:async )?\*?([a-z]\w*)(?:<.*>)?\(.*\{$/.exec(line)?.[1]
    if (method === undefined || method === 'constructor') return []
    // Of several declarations of one method the first says it; those of a Promise are known.
    const first = lines.findIndex((one) => new RegExp(String.raw`^ {2}(?:async )?\*?${method}[(<]`).test(one))
    return lines[Math.min(first, at) - 1]!.trimEnd().endsWith('*/') || ['then', 'catch', 'finally'].includes(method) ? [] : [method]
  })
  expect(bare).toEqual([])
})
