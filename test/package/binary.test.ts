/**
 * What the built addon asks of the host and shows it: nothing but the C library and (`test/unit/native/symbols.test.ts`)
 * Node-API, so that one binary serves every Node.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hasProgram, root, succeed } from './project.ts'

const addon = join(root, 'build/Release/nrunc.node')
const init = join(root, 'build/Release/nrunc_init')
const isBuilt = existsSync(addon) && existsSync(init)

/** Rows of `readelf --dyn-syms`: `NUM: VALUE SIZE TYPE BIND VISIBILITY SECTION NAME@VERSION`. */
const symbols = () => succeed(['readelf', '--dyn-syms', '--wide', addon], root).split('\n')
  .map((line) => line.trim().split(/\s+/)).filter(([number = '', ...rest]) => /^\d+:$/.test(number) && rest.length >= 7)
  .map(([, , , , bind = '', , section = '', name = '']) => ({ bind, section, name: name.split('@')[0]! }))

const matches = (pattern: RegExp, ...words: string[]): string[] =>
  [...succeed(['readelf', '--wide', ...words], root).matchAll(pattern)].map(([, found]) => found!)

const needed = (file: string) => matches(/\(NEEDED\).*\[(.*)\]/g, '--dynamic', file)

/** The newest `GLIBC_2.x` of a symbol, as x. */
const neededGlibc = () => Math.max(...matches(/GLIBC_2\.(\d+)/g, '--dyn-syms', addon).map(Number))

const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
const hostGlibc = Number(/^2\.(\d+)/.exec(header.glibcVersionRuntime ?? '')?.[1] ?? 0)

/** Of the row "glibc" in the README's table of platforms. */
const documentedGlibc = Number(/glibc 2\.(\d+)/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1])

describe.skipIf(!isBuilt || !hasProgram('readelf'))('the built addon (needs a build with node-gyp, readelf)', () => {
  it('needs no library but libc, and the loader', () => {
    expect(needed(addon).filter((name) => !/^(libc|libm|ld-linux[-\w]*)\.so\.\d+$/.test(name))).toEqual([])
  })

  it('shows nothing but its entry: the C++ library inside and that of Node do not meet', () => {
    const defined = symbols().filter(({ section, bind }) => section !== 'UND' && bind !== 'LOCAL')
    const names = defined.map(({ name }) => name).sort()
    expect(names).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1'])
  })

  it('uses nothing of a C++ library of the host', () => {
    const strong = symbols().filter(({ section, bind }) => section === 'UND' && bind !== 'WEAK')
    expect(strong.map(({ name }) => name).filter((name) => /^(_ZNS|_ZNKS|_ZS|__gxx|_Unwind)/.test(name))).toEqual([])
  })

  it.skipIf(hostGlibc > 36)('needs no newer glibc than the README says (built with glibc 2.36 or older)', () => {
    expect(neededGlibc()).toBeLessThanOrEqual(documentedGlibc)
  })

  it('holds the init program, which needs no library at all', () => {
    expect(readFileSync(addon).includes(readFileSync(init))).toBe(true)
    expect(needed(init)).toEqual([])
    expect(succeed(['readelf', '--program-headers', '--wide', init], root)).not.toContain('INTERP')
  })
})
