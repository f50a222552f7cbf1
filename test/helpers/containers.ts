/**
 * Containers for tests of the library: each with an id, a cgroup and a state root that no other test has, and gone at
 * the end of the test.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach } from 'vitest'
import {
  type Container,
  type CreateOptions,
  defaultSpec,
  type ExitResult,
  NruncError,
  Runtime,
} from '../../lib/index.ts'
import type { ProcessSpec, Spec } from '../../lib/spec/schema.ts'
import { bySystemd, cgroupsPathOf, removeCgroups } from './cgroup.ts'
import { type CliOptions, type CliResult, nrunc } from './cli.ts'
import { refuseMounts } from './host.ts'
import { bench } from './needs.ts'
import { makeRootfs } from './rootfs.ts'

/** A spec whose parts that tests change are there and can be changed. */
export type TestSpec = Spec & {
  process: ProcessSpec & { env: string[] }
  mounts: NonNullable<Spec['mounts']>
  linux: NonNullable<Spec['linux']> & { namespaces: NonNullable<NonNullable<Spec['linux']>['namespaces']> }
}

export interface Sandbox {
  /** Begins the id of every container of this file. */
  readonly prefix: string
  /** A directory of this file. */
  readonly directory: string
  readonly root: string
  readonly runtime: Runtime
  /** A new id. */
  id(): string
  /** The default spec without a terminal, with the shared root file system, in a cgroup of its own. */
  spec(args: readonly string[], change?: (spec: TestSpec) => void): TestSpec
  create(args: readonly string[], change?: (spec: TestSpec) => void, options?: CreateOptions): Promise<Container>
  run(args: readonly string[], change?: (spec: TestSpec) => void, options?: CreateOptions): Promise<Container>
  /** Run to the end, and delete. */
  output(args: readonly string[], change?: (spec: TestSpec) => void, options?: CreateOptions): Promise<Ended>
  /** A new root file system, for a test that changes it. */
  rootfs(): string
  /** Delete it at the end of the test, whatever it does then. */
  keep(container: Container): Container
  /** Write a bundle with the spec of {@link Sandbox.spec}, for the command line. */
  bundle(args: readonly string[], change?: (spec: TestSpec) => void): { readonly id: string, readonly bundle: string }
  /** Run the command line on the state root of this file. */
  nrunc(words: readonly string[], options?: CliOptions): Promise<CliResult>
}

export interface Ended extends ExitResult {
  readonly stdout: string
  readonly stderr: string
}

/**
 * Set up for the tests of one file, and what it leaves is removed. With `story` the tests are the steps of one story:
 * containers outlive them.
 */
export function useSandbox({ story = false } = {}): Sandbox {
  const prefix = `${bench().run}${randomBytes(2).toString('hex')}`
  const directory = mkdtempSync(join(bench().directory, `${prefix}-`))
  chmodSync(directory, 0o755)
  const root = join(directory, 'state')
  mkdirSync(root)
  const runtime = new Runtime({ root, cgroupManager: bySystemd ? 'systemd' : 'cgroupfs' })
  const made: Container[] = []
  let count = 0

  const spec: Sandbox['spec'] = (args, change) => {
    const fresh = defaultSpec() as TestSpec
    fresh.process.terminal = false
    fresh.process.args = [...args]
    fresh.root = { path: bench().rootfs, readonly: true }
    change?.(fresh)
    return fresh
  }
  const start = async (
    how: 'create' | 'run',
    args: readonly string[],
    change?: (spec: TestSpec) => void,
    options: CreateOptions = {},
  ) => {
    const id = options.id ?? sandbox.id()
    const given = spec(args, change)
    given.linux.cgroupsPath ??= cgroupsPathOf(id)
    const stdin = given.process.terminal ? undefined : 'ignore'
    const container = await runtime[how]({ bundle: directory, spec: given, stdin, ...options, id })
    made.push(container)
    return container
  }
  const sandbox: Sandbox = {
    prefix, directory, root, runtime, spec,
    id: () => `${prefix}-${++count}`,
    create: (args, change, options) => start('create', args, change, options),
    run: (args, change, options) => start('run', args, change, options),
    output: async (args, change, options) => {
      const container = await start('run', args, change, options)
      const ended = await end(container)
      await container.delete()
      return ended
    },
    rootfs: () => {
      const path = mkdtempSync(join(directory, 'rootfs-'))
      chmodSync(path, 0o755)
      const failure = makeRootfs(path)
      if (failure !== undefined) throw new Error(failure)
      for (const program of [bench().probe, bench().sockets]) {
        if (existsSync(program)) copyFileSync(program, join(path, 'bin', basename(program)))
      }
      return path
    },
    keep: (container) => {
      made.push(container)
      return container
    },
    bundle: (args, change) => {
      const id = sandbox.id()
      const bundle = join(directory, id)
      const given = spec(args, change)
      given.linux.cgroupsPath ??= cgroupsPathOf(id)
      mkdirSync(bundle)
      writeFileSync(join(bundle, 'config.json'), JSON.stringify(given, null, 2))
      return { id, bundle }
    },
    nrunc: (words, options) => nrunc(['--root', root, ...(bySystemd ? ['--systemd-cgroup'] : []), ...words], options),
  }
  const after = story ? afterAll : afterEach
  after(async () => {
    for (const container of [...made.splice(0), ...await runtime.list()]) {
      await container.delete({ force: true }).catch((error: unknown) => {
        if (!(error instanceof NruncError && error.code === 'ERR_NOT_FOUND')) throw error
      })
    }
  })
  afterAll(() => {
    removeCgroups(prefix)
    refuseMounts(directory)
    rmSync(directory, { recursive: true })
  })
  return sandbox
}

/** Everything that a process writes, and how it ends. */
export async function end(process: {
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  wait(): Promise<ExitResult>
}): Promise<Ended> {
  const [stdout, stderr, exit] = await Promise.all([
    process.stdout === null ? '' : text(process.stdout),
    process.stderr === null ? '' : text(process.stderr),
    process.wait(),
  ])
  return { code: exit.code, signal: exit.signal, stdout, stderr }
}

/** What a promise rejects with, which has to be an NruncError. */
export async function rejection(promise: Promise<unknown>): Promise<NruncError> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason)
  if (error instanceof NruncError) return error
  throw error === undefined ? new Error('it did not fail') : error
}
