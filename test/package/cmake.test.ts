/**
 * `npm run build:cmake`: the same addon from CMakeLists.txt.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { hasProgram, patience, root, Scratch, succeed } from './project.ts'

describe.skipIf(!hasProgram('cmake') || !hasProgram('g++'))('the build with cmake-js (needs cmake, g++)', () => {
  const scratch = new Scratch()
  const out = join(scratch.path, 'build-cmake')
  afterAll(() => scratch.remove())

  it('makes an addon that loads, without a download', () => {
    const program = join(root, 'node_modules/cmake-js/bin/cmake-js')
    // A home without Node's headers, in which they would be put.
    const text = succeed(['node', program, 'rebuild', '--out', out], root, { HOME: scratch.path })
    expect(text).not.toContain('Downloading')
    const file = join(out, 'Release/nrunc.node')
    const types = `const { spawn, nothing } = require('${file}'); [typeof spawn, typeof nothing].join()`
    expect(succeed(['node', '-p', types], root).trim()).toBe('function,undefined')
  }, patience)

  it('embeds the init program that it has built', () => {
    const init = readFileSync(join(out, 'init/nrunc_init'))
    expect(init.subarray(0, 4).toString('latin1')).toBe('\x7fELF')
    expect(readFileSync(join(out, 'Release/nrunc.node')).includes(init)).toBe(true)
  })
})
