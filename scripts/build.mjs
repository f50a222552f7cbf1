// npm run build: the addon with its embedded init, the library and the command line.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
process.chdir(root)

/** Programs of Debian that the build needs, by package. */
const tools = { 'g++': 'g++', make: 'make', python3: 'python3' }

function requireTools() {
  const missing = Object.keys(tools).filter((tool) => spawnSync(tool, ['--version']).error !== undefined)
  if (missing.length === 0) return
  console.error(`nrunc: the build needs ${missing.join(', ')}; on Debian: apt-get install -y ${missing.map((tool) => tools[tool]).join(' ')}`)
  process.exit(1)
}

function run(program, args) {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

/** node-gyp would download Node's headers; those that came with Node are as good. */
function buildAddon() {
  const nodeDirectory = join(dirname(process.execPath), '..')
  const headers = existsSync(join(nodeDirectory, 'include/node/node_api.h'))
  const bin = (name) => join(root, 'node_modules/.bin', name)
  if (headers) run(bin('node-gyp'), ['rebuild', `--nodedir=${nodeDirectory}`, '--silent'])
  else run(bin('cmake-js'), ['rebuild', '--silent'])
}

/** The library for import, with its few helpers inside; what is native stays outside. The mock shares its classes. */
async function bundleLibrary() {
  await build({
    entryPoints: { index: 'lib/index.ts', mock: 'lib/mock/index.ts' }, outdir: 'dist', bundle: true, splitting: true,
    chunkNames: 'shared-[hash]', platform: 'node', target: 'node20', format: 'esm', external: ['node-gyp-build'],
    logLevel: 'warning', legalComments: 'inline',
  })
}

requireTools()
if (!process.argv.includes('--no-addon')) buildAddon()
// Only now: they are among what npm ci has installed.
const [{ build }, { buildCommandLine }, { installLauncher }] =
  await Promise.all([import('esbuild'), import('./cli-bundle.mjs'), import('./launcher.mjs')])
rmSync('dist', { recursive: true, force: true })
mkdirSync('dist')
await bundleLibrary()
await buildCommandLine()
installLauncher()
run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'])
