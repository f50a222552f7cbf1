import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { defaultSpec } from '../../../lib/spec/defaults.ts'
import type { StateFile } from '../../../lib/state/file.ts'

/** A directory of its own for the tests of a file, gone after them. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nrunc-state-'))
  afterAll(() => rmSync(directory, { recursive: true }))
  return directory
}

export const stateOf = (changes: Partial<StateFile> = {}): StateFile => ({
  id: 'web', init_process_pid: 4711, init_process_start: 123456, created: '2026-01-02T03:04:05.000Z',
  config: defaultSpec(), rootless: false,
  cgroup_paths: { memory: '/sys/fs/cgroup/memory/web' }, namespace_paths: { NEWPID: '/proc/4711/ns/pid' },
  external_descriptors: ['pipe', 'pipe', 'pipe'], intel_rdt_path: '', bundle: '/srv/web', rootfs: '/srv/web/rootfs',
  no_new_keyring: false,
  ...changes,
})
