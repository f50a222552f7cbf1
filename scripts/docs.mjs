// npm run docs: writes the documents that are made from the code.
import { readFileSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const load = async (name) => {
  const { outputFiles: [bundle] } = await build({
    entryPoints: [new URL(name, import.meta.url).pathname], bundle: true, write: false, platform: 'node', target: 'node20', format: 'esm',
  })
  return await import(`data:text/javascript;base64,${Buffer.from(bundle.contents).toString('base64')}`)
}
const place = (name) => new URL(`../docs/${name}`, import.meta.url)

const { document } = await load('config-table.ts')
writeFileSync(place('config.md'), document)
const { withTables } = await load('flag-table.ts')
writeFileSync(place('commands.md'), withTables(readFileSync(place('commands.md'), 'utf8')))
