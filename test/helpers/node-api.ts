/**
 * What an addon asks of the program that loads it. One that asks for Node-API alone works in every version of Node, and in
 * Electron, whose V8 and libuv are others.
 */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { symbols } = require('node-api-headers') as { symbols: Record<string, Readonly<Record<string, readonly string[]>>> }
const { binary } = require('../../package.json') as { binary: { napi_versions: readonly number[] } }

/** All of the version of Node-API that package.json names, and of those before it. */
const inNodeApi = new Set(Object.values(symbols[`v${binary.napi_versions[0]}`]!).flat())

/** Memory outside of V8's own, which Electron has refused since its version 21: https://www.electronjs.org/blog/v8-memory-cage */
const notInElectron = ['napi_create_external_arraybuffer', 'napi_create_external_buffer']

/** nm(1) is there. */
export const hasNm = spawnSync('nm', ['--version']).status === 0

/** Symbols that a shared object takes from the executable: those of libraries have a version. */
export function symbolsOfHost(path: string): string[] {
  const { status, stdout, stderr } = spawnSync('nm', ['--dynamic', '--undefined-only', '--format=posix', path], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`nm ${path}: ${stderr}`)
  const rows = stdout.trim().split('\n').map((line) => line.split(' '))
  // Those of the compiler (`__gmon_start__`, `_ITM_registerTMCloneTable`) are weak, and missing everywhere.
  return rows.filter(([name, type]) => !name!.includes('@') && !(/[wv]/.test(type!) && /^(__|_ITM_)/.test(name!))).map(([name]) => name!)
}

/** Those of them that not every Node and every Electron has. */
export const foreignSymbols = (path: string): string[] =>
  symbolsOfHost(path).filter((name) => !inNodeApi.has(name) || notInElectron.includes(name))
