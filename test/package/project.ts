/**
 * The package as its users get it: packed from a copy of the sources, so that a run of the tests leaves build/, dist/
 * and prebuilds/ of this checkout alone, and installed in an empty project.
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

/** The checkout. */
export const root = join(import.meta.dirname, '../..')

/** Milliseconds that a build or an installation may take, on an emulated machine as well. */
export const patience = 900_000

/** A reason not to pack: without headers beside Node, prebuildify would download them. */
export const noHeaders = !existsSync(join(dirname(process.execPath), '../include/node/node_api.h'))

/** Whether PROGRAM is in PATH. */
export const hasProgram = (program: string): boolean => findProgram(program) !== undefined

function findProgram(program: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return directories.map((directory) => join(directory, program)).find((path) => existsSync(path))
}

/** What a program that has ended left: its exit code, -1 after a signal, and its output. */
export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Run a program to its end. Only `env` is in its environment, and PATH; npm asks nobody about newer versions. */
export function execute(
  words: readonly [string, ...string[]], cwd: string, env: Readonly<Record<string, string>> = {},
): Outcome {
  const [program, ...args] = words
  const all = { PATH: process.env['PATH'], npm_config_update_notifier: 'false', ...env }
  const options = { cwd, env: all, encoding: 'utf8', timeout: patience } as const
  const { status, stdout, stderr, error } = spawnSync(program, args, options)
  if (error !== undefined) throw error
  return { code: status ?? -1, stdout, stderr }
}

/** The same for a program that has to succeed. @throws Error with its output when it does not */
export function succeed(...given: Parameters<typeof execute>): string {
  const { code, stdout, stderr } = execute(...given)
  if (code !== 0) throw new Error(`${given[0].join(' ')}: exit code ${code}\n${stdout}\n${stderr}`)
  return stdout
}

/** A directory for the tests of one file, without links in its path; {@link Scratch.remove} takes it away. */
export class Scratch {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'nrunc-package-')))

  /** A new directory in it. */
  directory(name: string): string {
    const path = join(this.path, name)
    mkdirSync(path)
    return path
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

const npmPath = (): string => realpathSync(findProgram('npm') ?? 'npm')

/** Words that start npm with any PATH. */
export const npm = (...words: string[]): [string, ...string[]] => [process.execPath, npmPath(), ...words]

/** The only tarball in a directory. */
const tarballIn = (directory: string): string => {
  const [name, ...more] = readdirSync(directory).filter((file) => file.endsWith('.tgz'))
  if (name === undefined || more.length > 0) throw new Error(`not one tarball in ${directory}`)
  return join(directory, name)
}

const packed = ['addon', 'bin', 'docs', 'lib', 'prebuilds', 'scripts', 'binding.gyp', 'package.json', 'CMakeLists.txt',
  'tsconfig.json', 'tsconfig.build.json', 'CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md']

/** `npm pack`, with everything that `prepack` builds, from a copy of the sources in which nothing is built. */
export function packPackage(scratch: Scratch): string {
  const copy = scratch.directory('sources')
  for (const name of packed) cpSync(join(root, name), join(copy, name), { recursive: true })
  rmSync(join(copy, 'prebuilds', `linux-${process.arch}`), { recursive: true, force: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const target = scratch.directory('tarball')
  succeed(npm('pack', '--pack-destination', target), copy, { HOME: scratch.path })
  return tarballIn(target)
}

/** A dependency as a tarball: nothing is then taken from a registry or from npm's cache. */
export function packDependency(scratch: Scratch, name: string): string {
  const target = scratch.directory(name)
  succeed(npm('pack', join(root, 'node_modules', name), '--pack-destination', target), target, { HOME: scratch.path })
  return tarballIn(target)
}

/** A PATH with nothing but what npm itself needs: no compiler, no make, no Python. */
export function bareMachine(scratch: Scratch): Readonly<Record<string, string>> {
  const bin = scratch.directory('bin')
  symlinkSync(process.execPath, join(bin, 'node'))
  for (const name of ['sh', 'env']) symlinkSync(findProgram(name) ?? `/bin/${name}`, join(bin, name))
  return { PATH: bin, HOME: scratch.directory('home') }
}

/** An empty project in which TARBALLS are installed, offline, with ENV alone and with more OPTIONS of npm. */
export function installPackage(
  scratch: Scratch, name: string, tarballs: readonly string[], env: Readonly<Record<string, string>>,
  ...options: string[]
): string {
  const project = scratch.directory(name)
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }\n')
  succeed(npm('install', '--offline', '--no-audit', '--no-fund', ...options, ...tarballs), project, env)
  return project
}
