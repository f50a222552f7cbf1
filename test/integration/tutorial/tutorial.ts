/**
 * The bundle of the tutorials, made as they make it: an empty directory, a root file system in `rootfs`, `nrunc spec`.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect } from 'vitest'
import type { Spec } from '../../../lib/index.ts'
import type { CliOptions, CliResult } from '../../helpers/cli.ts'
import { type Sandbox, useSandbox } from '../../helpers/containers.ts'
import { bench } from '../../helpers/needs.ts'

export interface Tutorial {
  readonly sandbox: Sandbox
  /** The container's name. */
  readonly id: string
  /** The bundle, in which every command of the tutorial is given. */
  bundle(): string
  /** `nrunc WORDS`, in the bundle. */
  nrunc(words: readonly string[], options?: CliOptions): Promise<CliResult>
  /** The same, where nothing else than success is expected; gives what was printed. */
  must(...words: string[]): Promise<string>
  /** Edit config.json. */
  edit(change: (spec: Spec) => void): void
}

export function useTutorial(): Tutorial {
  const sandbox = useSandbox({ story: true })
  const id = sandbox.id()
  let bundle = ''
  const tutorial: Tutorial = {
    sandbox, id,
    bundle: () => bundle,
    nrunc: (words, options) => sandbox.nrunc(words, { cwd: bundle, ...options }),
    must: async (...words) => {
      const { code, stdout, stderr } = await tutorial.nrunc(words)
      expect({ code, stderr }, words.join(' ')).toEqual({ code: 0, stderr: '' })
      return stdout
    },
    edit: (change) => {
      const path = join(bundle, 'config.json')
      const spec = JSON.parse(readFileSync(path, 'utf8')) as Spec
      change(spec)
      writeFileSync(path, JSON.stringify(spec, null, '\t'))
    },
  }
  beforeAll(async () => {
    bundle = mkdtempSync(join(sandbox.directory, 'mycontainer-'))
    mkdirSync(join(bundle, 'rootfs'))
    cpSync(bench().rootfs, join(bundle, 'rootfs'), { recursive: true, verbatimSymlinks: true })
    expect(await tutorial.must('spec')).toBe('')
    // So that the test leaves no cgroup behind, however it ends.
    tutorial.edit(({ linux }) => { linux!.cgroupsPath = `/nrunc-test/${id}` })
  })
  return tutorial
}

/** Lines of `list` as cells, without the header. */
export const rowsOf = (table: string): string[][] =>
  table
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s{2,}/))
