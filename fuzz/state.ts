/** A state.json that a full disk, or an editor, has damaged. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultSpec } from '../lib/spec/defaults.ts'
import { readStaged, readState } from '../lib/state/file.ts'
import { mutate } from './mutate.ts'
import { ends, type Target } from './target.ts'

const whole = {
  id: 'web', init_process_pid: 1, init_process_start: 2, created: '2026-01-01T00:00:00Z', config: defaultSpec(), rootless: false,
  cgroup_paths: { devices: '/sys/fs/cgroup/devices/web' }, namespace_paths: {}, external_descriptors: [], intel_rdt_path: '',
  bundle: '/b', rootfs: '/b/r', no_new_keyring: false,
}

let directory: string | undefined

function scratch(): string {
  if (directory !== undefined) return directory
  const parent = mkdtempSync(join(tmpdir(), 'nrunc-fuzz-'))
  process.once('exit', () => rmSync(parent, { recursive: true }))
  mkdirSync(directory = join(parent, 'web'))
  return directory
}

export const state: Target = {
  seeds: [whole],
  change: mutate,
  sources: 'lib/',
  run(text) {
    const container = scratch()
    writeFileSync(join(container, 'state.json'), text)
    writeFileSync(join(container, 'state.json.new'), text)
    readStaged(container)
    return ends(() => readState(container, 'web'), 'state')
  },
}
