/**
 * What an update that fails in the end takes back.
 */
import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import type { StateFile } from '../../../lib/state/file.ts'
import { updateResources } from '../../../lib/container/update.ts'

const calls = vi.hoisted(() => [] as string[])
vi.mock('../../../lib/cgroup/update.ts', () => ({
  updateCgroup: async () => ({ limits: [], former: [], undo: async () => { calls.push('limits back') } }),
}))
vi.mock('../../../lib/cgroup/systemd/driver.ts', () => ({
  changeScope: async () => {
    calls.push('scope')
    if (calls.length > 1) throw new Error('the connection was closed')
  },
}))

test('one step that cannot be taken back does not keep the others, nor hide why', async () => {
  const start = readFileSync('/proc/self/stat', 'latin1').split(') ')[1]!.split(' ')[19]
  const state = {
    id: 'x', init_process_pid: process.pid, init_process_start: Number(start), config: {}, cgroup_paths: {}, rootless: true,
    systemd: { unit: 'x.scope', slice: 'system.slice', manager: 'system' },
  } as unknown as StateFile
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  await expect(updateResources('/nowhere/at/all', state, { pids: { limit: 7 } })).rejects.toMatchObject({ code: 'ERR_STATE_INVALID' })
  expect(calls).toEqual(['scope', 'scope', 'limits back'])
  expect(warned.mock.calls).toEqual([[expect.stringContaining('the connection was closed')]])
  warned.mockRestore()
})
