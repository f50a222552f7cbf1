/**
 * The tarball of `npm pack`, in an empty project on a machine without a compiler.
 */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { foreignSymbols, hasNm } from '../helpers/node-api.ts'
import {
  bareMachine, execute, hasProgram, installPackage, noHeaders, npm, packDependency, packPackage, patience, root,
  Scratch, succeed,
} from './project.ts'

const compiler = ['g++', 'make', 'python3'].every(hasProgram)
const isRoot = process.geteuid?.() === 0
const binary = `prebuilds/linux-${process.arch}`
const load = 'require("node-gyp-build").path("node_modules/nrunc")'

const program = `
import { NruncError, Runtime } from 'nrunc'
try {
  const container = await new Runtime({ root: process.argv[2] }).run({ host: { args: ['/bin/echo', 'hi'] } })
  container.stdout.pipe(process.stdout)
  const { code } = await container.wait()
  await container.delete()
  process.exitCode = code
} catch (error) {
  console.log(JSON.stringify({ typed: error instanceof NruncError, code: error.code, message: error.message }))
  process.exitCode = 1
}
`

const typed = `
import { type CreateOptions, NruncError, Runtime, type RuntimeLike, type RuntimeOptions, type Spec, type StopOptions, defaultSpec } from 'nrunc'
import { MockRuntime } from 'nrunc/mock'
const spec: Spec = { ...defaultSpec(), root: { path: '/srv/rootfs' } }
const options: CreateOptions = { id: 'a', spec, stdout: 'inherit' }
const container = await new Runtime().run(options)
const { code, signal } = await container.wait()
export const end: number | NodeJS.Signals | null = code ?? signal
// @ts-expect-error an unknown option is refused by the types as well
await new Runtime().run({ idd: 'a' })
const result = await new Runtime().execute({ host: { args: ['true'] }, reject: false, lines: true })
export const lines: readonly string[] = result.stdout
export const words: string = result.failed ? result.message : result.stdout.join()
export const message: string | undefined = result.message
const stopOptions: StopOptions = { gracePeriod: 0 }
export const either = (options: RuntimeOptions): RuntimeLike[] => [new Runtime(options), new MockRuntime()]
await container.stop(stopOptions)
export const isKnown = (error: unknown): boolean => error instanceof NruncError && error.code === 'ERR_NOT_FOUND'
`

describe.skipIf(noHeaders || !compiler)('the packed package (needs g++, make, python3 and headers of Node)', () => {
  let scratch: Scratch
  let machine: Readonly<Record<string, string>>
  let tarballs: string[]
  let project: string
  let files: string[]

  beforeAll(() => {
    scratch = new Scratch()
    machine = bareMachine(scratch)
    const tarball = packPackage(scratch)
    files = succeed(['tar', '-tzf', tarball], scratch.path).trim().split('\n')
      .map((name) => name.replace(/^package\//, ''))
    tarballs = [tarball, ...['node-gyp-build', 'node-addon-api'].map((name) => packDependency(scratch, name))]
    project = installPackage(scratch, 'project', tarballs, machine)
    writeFileSync(join(project, 'program.js'), program)
  }, patience)
  afterAll(() => scratch.remove())

  /** A copy of the project in which no binary is left. */
  const withoutBinary = (name: string): string => {
    const copy = join(scratch.path, name)
    cpSync(project, copy, { recursive: true, verbatimSymlinks: true })
    rmSync(join(copy, 'node_modules/nrunc/prebuilds'), { recursive: true })
    return copy
  }

  it('holds the binary, the library, its types, the command line and what a build from source needs', () => {
    expect(files).toEqual(expect.arrayContaining([
      'LICENSE', 'README.md', 'CHANGELOG.md', 'package.json', 'bin/nrunc', 'bin/nrunc.cjs', 'dist/index.js', 'dist/cli.cjs',
      'dist/types/index.d.ts', `${binary}/nrunc.glibc.node`, 'binding.gyp', 'addon/sources.gypi', 'addon/binding/addon.cc',
      'scripts/install.mjs', 'scripts/launcher.mjs', 'scripts/code-cache.mjs', 'scripts/cli-cache.cjs', 'scripts/snapshot.mjs', 'scripts/cli-snapshot.cjs',
      `${binary}/nrunc_launcher`,
    ]))
  })

  it('holds no sources of the library, no tests, no build and no code compiled for another Node', () => {
    expect(files.filter((name) => /^(lib|test|bench|build|node_modules|\.)|^dist\/(nrunc|launch|cache|snapshot)$|\.tgz$/.test(name))).toEqual([])
  })

  it.skipIf(!hasNm)('has a binary that uses nothing of Node but Node-API (needs nm)', () => {
    expect(foreignSymbols(join(project, 'node_modules/nrunc', binary, 'nrunc.glibc.node'))).toEqual([])
  })

  it('is complete: every file that package.json names is there', async () => {
    const { default: manifest } = await import('../../package.json', { with: { type: 'json' } })
    const named = [manifest.types, manifest.exports['.'].types, manifest.exports['.'].default, manifest.exports['./mock'].types, manifest.exports['./mock'].default,
      manifest.bin.nrunc]
    for (const name of named) expect(files).toContain(name.replace(/^\.\//, ''))
  })

  it('makes the command ready for the Node that installs it', () => {
    const [home, node] = [join(project, 'node_modules/nrunc'), succeed(['node', '-p', 'process.execPath'], project, machine).trim()]
    const hasImage = succeed(['node', '--version'], project, machine).startsWith('v20.')
    expect(existsSync(join(home, 'dist/cache'))).toBe(true)
    expect(existsSync(join(home, 'dist/snapshot'))).toBe(hasImage)
    expect(readFileSync(join(home, 'dist/launch'), 'utf8').split('\n').slice(1, 3)).toEqual([node, hasImage ? 'snapshot' : ''])
    expect(readFileSync(join(home, 'bin/nrunc')).equals(readFileSync(join(home, binary, 'nrunc_launcher')))).toBe(true)
  })

  it('finds Node without PATH and without any other variable', () => {
    const words = ['env', '-i', join(project, 'node_modules/.bin/nrunc'), '--version'] as const
    expect(succeed([...words], project, machine)).toContain('nrunc version')
  })

  it.skipIf(!isRoot)('runs a container through the library (needs root)', () => {
    expect(execute(['node', 'program.js', scratch.path + '/state'], project, machine))
      .toEqual({ code: 0, stdout: 'hi\n', stderr: '' })
  })

  it('has the command in node_modules/.bin', () => {
    const version = succeed(['node', '-p', 'require("nrunc/package.json").version'], project, machine).trim()
    const text = succeed([join(project, 'node_modules/.bin/nrunc'), '--version'], project, machine)
    expect(text.split('\n')[0]).toBe(`nrunc version ${version}`)
  })

  it.skipIf(!isRoot)('runs a container through the command (needs root)', () => {
    const nrunc = [join(project, 'node_modules/.bin/nrunc'), '--root', join(scratch.path, 'state')] as const
    succeed([...nrunc, 'spec', '--host', '--bundle', 'hello', 'echo', 'from the command'], project, machine)
    expect(execute([...nrunc, 'run', '--bundle', 'hello', 'packed-hello'], project, machine))
      .toEqual({ code: 0, stdout: 'from the command\n', stderr: '' })
  })

  it('needs no install script: the command works without one', () => {
    const plain = installPackage(scratch, 'no-scripts', tarballs, machine, '--ignore-scripts')
    expect(existsSync(join(plain, 'node_modules/nrunc/dist/cache'))).toBe(false)
    const list = [join(plain, 'node_modules/.bin/nrunc'), '--root', join(scratch.path, 'none'), 'list', '-q'] as const
    expect(execute(list, plain, machine)).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(succeed(['node', '-p', load], plain, machine)).toContain(binary)
  })

  it('has a binary that is taken in Electron too', () => {
    // By this variable node-gyp-build knows Electron.
    expect(succeed(['node', '-p', load], project, { ...machine, ELECTRON_RUN_AS_NODE: '1' })).toContain(binary)
  })

  it.each(['nodenext', 'bundler'])('has types that hold in a strict TypeScript program (%s)', (resolution) => {
    writeFileSync(join(project, 'typed.ts'), typed)
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({
      compilerOptions: {
        module: resolution === 'bundler' ? 'esnext' : resolution, moduleResolution: resolution, target: 'es2022',
        strict: true, noEmit: true, types: ['node'], typeRoots: [join(root, 'node_modules/@types')],
      },
      files: ['typed.ts'],
    }))
    const { code, stdout } = execute(['node', join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], project)
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
  })

  it('says what was looked for where no binary fits', () => {
    const bare = withoutBinary('bare')
    const { code, stdout } = execute(['node', 'program.js', join(scratch.path, 'state')], bare, machine)
    const error = JSON.parse(stdout)
    expect(code).toBe(1)
    expect(error).toMatchObject({ typed: true, code: 'ERR_NATIVE' })
    expect(error.message).toContain(`linux-${process.arch}`)
    expect(error.message).toContain(join(bare, 'node_modules/nrunc/prebuilds'))
    expect(error.message).toContain(join(bare, 'node_modules/nrunc/build'))
    expect(error.message).not.toContain('\n')
  })

  it('fails to install with one message where no binary fits and none can be built', () => {
    const bare = withoutBinary('no-compiler')
    const { code, stderr } = execute(npm('rebuild', 'nrunc'), bare, machine)
    expect(code).not.toBe(0)
    const said = stderr.split('\n').filter((line) => line.includes('nrunc: cannot be installed'))
    expect(said).toHaveLength(1)
    expect(said[0]).toContain(`linux-${process.arch}`)
    expect(said[0]).toContain('apt-get install -y g++ make python3')
  })

  it('is built from source where no binary fits and a compiler is there', () => {
    const copy = withoutBinary('compiler')
    succeed(npm('rebuild', 'nrunc'), copy, { HOME: machine['HOME'] ?? '' })
    expect(existsSync(join(copy, 'node_modules/nrunc/build/Release/nrunc.node'))).toBe(true)
    expect(execute(['node', '-e', 'require("node-gyp-build")("node_modules/nrunc")'], copy, machine).code).toBe(0)
  }, patience)
})
