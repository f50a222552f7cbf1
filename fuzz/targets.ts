/**
 * What is fuzzed in TypeScript. Each run ends well or in the error that its interface promises; anything else is thrown.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { definitions } from '../lib/cli/main.ts'
import { sortWords } from '../lib/cli/words.ts'
import { UsageError } from '../lib/cli/usage-error.ts'
import { NruncError } from '../lib/errors.ts'
import { explain } from '../lib/explain.ts'
import { encode } from '../lib/plan/encode.ts'
import type { Operation } from '../lib/plan/operations.ts'
import { defaultSpec } from '../lib/spec/defaults.ts'
import { parseJson } from '../lib/spec/parse.ts'
import type { Spec } from '../lib/spec/schema.ts'
import { readStaged, readState } from '../lib/state/file.ts'
import { hostOf, v1, v2 } from '../test/unit/cgroup/samples.ts'
import type { Random } from '../test/unit/plan/random.ts'
import { root, user } from '../test/unit/plan/samples.ts'
import { fullSpec } from '../test/unit/spec/full-spec.ts'
import { garble, mutate } from './mutate.ts'

/** One run. @returns how it ended: `plan`, or the code of the error */
export type Target = (from: Random) => string

const seeds = [defaultSpec(), fullSpec, withoutUnsupported()]
const facts = [{ host: root, cgroups: hostOf(v1) }, { host: root, cgroups: hostOf(v2) }, { host: user, cgroups: hostOf(v2) }]

/** With what a host can do, so that most of the ways through the compiler are open. */
function withoutUnsupported(): unknown {
  const spec = defaultSpec({ cgroupNamespace: true })
  return {
    ...spec,
    hooks: { createRuntime: [{ path: '/bin/a', timeout: 3 }], createContainer: [{ path: '/bin/b' }], startContainer: [{ path: '/c', env: ['A=b'] }] },
    linux: {
      ...spec.linux, ...(fullSpec as { linux: object }).linux, namespaces: spec.linux?.namespaces, cgroupsPath: '/a/b',
    },
  }
}

const ends = (run: () => unknown, good: string): string => {
  try {
    run()
    return good
  } catch (error) {
    if (error instanceof NruncError && error.message !== '') return error.code
    throw error
  }
}

/** config.json, from its text to the bytes of the plan, and the plan in words. */
export const config: Target = (from) => {
  const text = JSON.stringify(mutate(from.pick(seeds), from.pick(seeds), from))
  const given = from.below(10) === 0 ? garble(text, from) : text
  const where = from.pick(facts)
  return ends(() => {
    const steps = explain(parseJson(given, 'config.json') as Spec, { facts: where, noPivot: from.below(4) === 0 })
    for (const by of ['host', 'init'] as const) {
      encode(steps.filter((one) => one.by === by && !['prestart', 'createRuntime', 'poststart'].includes(one.step))
        .map(({ step, field, arguments: rest }) => ({ op: step, field, ...rest }) as Operation))
    }
  }, 'plan')
}

const commands = (await definitions()).commands
const pieces = ['-', '--', '=', '', '-=', '--=x', 'a', '1', 'true', '-1', '99999999999', '\u0000', '__proto__', '--__proto__', '-constructor', '--toString=1', '{}', 'x'.repeat(10000)]

/** The words of a command line: settings and operands, or a UsageError. */
export const words: Target = (from) => {
  const { flags } = from.pick(commands)
  const spelled = Object.keys(flags)
  const one = (): string => from.pick([
    () => from.pick(pieces), () => `--${from.pick(spelled)}`, () => `-${from.pick(spelled)}=${from.pick(pieces)}`, () => `-${from.pick(pieces)}`,
  ])()
  try {
    sortWords(flags, Array.from({ length: from.below(8) }, spelled.length === 0 ? () => from.pick(pieces) : one), from.below(2) === 0)
    return 'sorted'
  } catch (error) {
    if (error instanceof UsageError) return 'usage'
    throw error
  }
}

let scratch: string | undefined
const stateFile = {
  id: 'web', init_process_pid: 1, init_process_start: 2, created: '2026-01-01T00:00:00Z', config: defaultSpec(), rootless: false,
  cgroup_paths: { devices: '/sys/fs/cgroup/devices/web' }, namespace_paths: {}, external_descriptors: [], intel_rdt_path: '', bundle: '/b', rootfs: '/b/r',
  no_new_keyring: false,
}

/** A state.json that a full disk, or an editor, has damaged. */
export const state: Target = (from) => {
  if (scratch === undefined) {
    scratch = mkdtempSync(join(tmpdir(), 'nrunc-fuzz-'))
    process.once('exit', () => rmSync(scratch!, { recursive: true }))
    mkdirSync(join(scratch, 'web'))
  }
  const directory = join(scratch, 'web')
  const text = JSON.stringify(mutate(stateFile, fullSpec, from))
  const given = from.below(2) === 0 ? garble(text, from) : text.slice(0, from.below(2) === 0 ? from.below(text.length) : undefined)
  writeFileSync(join(directory, 'state.json'), given)
  writeFileSync(join(directory, 'state.json.new'), given)
  readStaged(directory)
  return ends(() => readState(directory, 'web'), 'state')
}

export const targets: Readonly<Record<string, Target>> = { config, words, state }
