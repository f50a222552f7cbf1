/** The binary works in every Node and in Electron: of Node it uses nothing but Node-API. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const binary = fileURLToPath(new URL('../../../build/Release/nrunc.node', import.meta.url))
const nm = spawnSync('nm', ['-D', '--undefined-only', binary], { encoding: 'utf8' })
const missing = !existsSync(binary) ? 'the addon is not built' : nm.status !== 0 ? 'nm(1) is not there' : ''

test.skipIf(missing !== '')(`no symbol of V8, libuv or Node beside Node-API${missing === '' ? '' : ` (skipped: ${missing})`}`, () => {
  const lines = nm.stdout.trim().split('\n').map((line) => line.trim())
  // Symbols of the C library have a version; those that the executable has to bring have none.
  const own = lines.filter((line) => !line.includes('@')).map((line) => line.split(/\s+/).at(-1)!)
  expect(own.filter((name) => name.startsWith('napi_')).length).toBeGreaterThan(10)
  const weak = new Set(lines.filter((line) => /^[wv] /.test(line)).map((line) => line.split(/\s+/).at(-1)!))
  expect(own.filter((name) => !name.startsWith('napi_') && !weak.has(name))).toEqual([])
})
