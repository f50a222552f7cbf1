// npm run docs: writes the documents that are made from the code.
import { writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const { outputFiles: [bundle] } = await build({
  entryPoints: [new URL('config-table.ts', import.meta.url).pathname], bundle: true, write: false, platform: 'node', format: 'esm',
})
const { document } = await import(`data:text/javascript;base64,${Buffer.from(bundle.contents).toString('base64')}`)
writeFileSync(new URL('../docs/config.md', import.meta.url), document)
