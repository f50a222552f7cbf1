/** The binary works in every Node and in Electron: of the program that loads it, it uses nothing but Node-API. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { foreignSymbols, hasNm, symbolsOfHost } from '../../helpers/node-api.ts'

const root = join(import.meta.dirname, '../../..')
const prebuilds = readdirSync(join(root, 'prebuilds'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.node'))
const binaries = ['build/Release/nrunc.node', ...prebuilds.map((name) => `prebuilds/${name}`)]

/** Asks for `napi_create_object`, and for what not every host has. */
const faulty = `
extern void napi_create_object(void), napi_create_external_buffer(void), node_api_symbol_for(void), uv_default_loop(void);
extern void _ZN2v87Isolate10GetCurrentEv(void);
extern void node_module_register(void) __attribute__((weak));
void *const used[] = {
  napi_create_object, napi_create_external_buffer, node_api_symbol_for, uv_default_loop, _ZN2v87Isolate10GetCurrentEv, node_module_register,
};
`

test.for(binaries)('no symbol of V8, libuv or Node beside Node-API (needs a build and nm(1)): %s', (name, { skip }) => {
  const path = join(root, name)
  if (!existsSync(path) || !hasNm) return skip(hasNm ? `${name} is not built` : 'nm(1) is not there')
  expect(symbolsOfHost(path).length).toBeGreaterThan(10)
  expect(foreignSymbols(path)).toEqual([])
})

test('one that not every Node has, or that Electron refuses, is found (needs cc and nm(1))', ({ skip }) => {
  const directory = mkdtempSync(join(tmpdir(), 'nrunc-symbols-'))
  try {
    const [source, path] = [join(directory, 'faulty.c'), join(directory, 'faulty.node')]
    writeFileSync(source, faulty)
    const { status } = spawnSync('cc', ['-shared', '-fPIC', '-nostdlib', '-o', path, source])
    if (status !== 0 || !hasNm) return skip(hasNm ? 'cc(1) is not there' : 'nm(1) is not there')
    // `node_api_symbol_for` came with version 9 of Node-API.
    expect(foreignSymbols(path).sort()).toEqual([
      '_ZN2v87Isolate10GetCurrentEv', 'napi_create_external_buffer', 'node_api_symbol_for', 'node_module_register', 'uv_default_loop',
    ])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
