/**
 * The code blocks of a document, and what they say they print.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { transform } from 'esbuild'

export const project = join(import.meta.dirname, '../..')

export interface Block {
  /** The heading above it, with a number where there are several. */
  readonly name: string
  readonly code: string
  /** Its comments of the form `// → text`, in their order. */
  readonly prints: string
}

export function blocksOf(name: string): Block[] {
  const text = readFileSync(join(project, name), 'utf8')
  let heading = ''
  const blocks: Block[] = []
  for (const [, title, code] of text.matchAll(/^#+ (.*)$|^```js\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title
    if (code === undefined) continue
    const prints = [...code.matchAll(/\/\/ → ?(.*)$/gm)].map(([, line]) => `${line}\n`).join('')
    const count = blocks.filter((block) => block.name.startsWith(heading)).length
    blocks.push({ name: count === 0 ? heading : `${heading} (${count + 1})`, code, prints })
  }
  return blocks
}

/** The code as a module for this Node, on the build of this checkout, with the state below ROOT. */
export async function runnable(code: string, root: string): Promise<string> {
  const at = (name: string): string => JSON.stringify(pathToFileURL(join(project, 'dist', name)).href)
  const source = code
    .replace(/from 'nrunc'/g, `from ${at('index.js')}`).replace(/from 'nrunc\/mock'/g, `from ${at('mock.js')}`)
    .replace(/import\.meta\.resolve\('nrunc'\)/g, at('index.js')).replace(/new Runtime\(\)/g, `new Runtime({ root: ${JSON.stringify(root)} })`)
  return (await transform(source, { target: 'node20', format: 'esm' })).code
}
