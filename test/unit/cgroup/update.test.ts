import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { restoration } from '../../../lib/cgroup/restore.ts'
import { updateCgroup } from '../../../lib/cgroup/update.ts'
import { allControllers, hostOf, v1, v2 } from './samples.ts'

let box = ''
beforeEach(() => { box = mkdtempSync(join(tmpdir(), 'nrunc-cgroup-')) })
afterEach(() => rmSync(box, { recursive: true }))

const put = (files: Readonly<Record<string, string>>): void => {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(box, name), content)
}
const read = (name: string): string => readFileSync(join(box, name), 'latin1')

describe('v1', () => {
  const host = hostOf(v1)
  const all = () => ({ memory: box, cpu: box, cpuset: box })

  test('only what is given is written', async () => {
    put({ 'cpu.shares': '1024\n', 'cpuset.cpus': '0-3\n' })
    await updateCgroup(host, all(), { cpu: { shares: 512 } })
    expect([read('cpu.shares').slice(0, 3), read('cpuset.cpus')]).toEqual(['512', '0-3\n'])
  })

  test('when one cannot be written, the others are as before', async () => {
    put({ 'memory.limit_in_bytes': '1000\n', 'cpu.shares': '1024\n' })
    const error = updateCgroup(host, all(), { memory: { limit: 9999 }, cpu: { shares: 5000, quota: 7000 } })
    await expect(error).rejects.toMatchObject({
      code: 'ERR_CGROUP', field: '/cpu/quota', step: 'writeCgroup', errno: 'ENOENT', operand: join(box, 'cpu.cfs_quota_us'),
    })
    expect([read('memory.limit_in_bytes'), read('cpu.shares')]).toEqual(['1000\n', '1024\n'])
  })

  test('what it gives takes everything back', async () => {
    put({ 'memory.limit_in_bytes': '1000\n', 'cpu.shares': '1024\n' })
    const { limits, undo } = await updateCgroup(host, all(), { memory: { limit: 9999 }, cpu: { shares: 5000 } })
    expect(limits.map(({ file }) => file)).toEqual(['memory.limit_in_bytes', 'cpu.shares'])
    expect(read('memory.limit_in_bytes')).toMatch(/^9999/)
    await undo()
    expect([read('memory.limit_in_bytes'), read('cpu.shares')]).toEqual(['1000\n', '1024\n'])
  })

  test('an optional file that is missing is no error', async () => {
    put({ 'memory.limit_in_bytes': '1000\n' })
    await updateCgroup(host, all(), { memory: { limit: -1 } })
    expect(read('memory.limit_in_bytes')).toMatch(/^-1/)
  })

  test('a limit without its controller names its field', async () => {
    await expect(updateCgroup(host, { memory: box }, { pids: { limit: 3 } })).rejects.toMatchObject({
      code: 'ERR_CGROUP', field: '/pids/limit', message: 'cannot set pids limit: container could not join or create cgroup',
    })
  })
})

describe('v2', () => {
  const host = hostOf(v2, allControllers)

  test.each([
    [{ limit: 5000, checkBeforeUpdate: true }, '/memory/limit', 'rejecting memory limit 5000 <= usage 6000'],
    [{ limit: 5000, swap: 5500, checkBeforeUpdate: true }, '/memory/swap', 'rejecting memory+swap limit 5500 <= usage 6000'],
    [{ limit: 6000, checkBeforeUpdate: true }, '/memory/limit', 'rejecting memory limit 6000 <= usage 6000'],
  ])('%j is refused below the usage', async (memory, field, message) => {
    put({ 'memory.current': '6000\n', 'memory.max': 'max\n', 'memory.swap.max': 'max\n' })
    await expect(updateCgroup(host, { '': box }, { memory })).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID', field, message })
    expect(read('memory.max')).toBe('max\n')
  })

  test.each([[{ limit: 5000 }, '5000'], [{ limit: 7000, checkBeforeUpdate: true }, '7000'], [{ limit: -1, checkBeforeUpdate: true }, 'max']])(
    '%j is not', async (memory, value) => {
      put({ 'memory.current': '6000\n', 'memory.max': '', 'memory.swap.max': '' })
      await updateCgroup(host, { '': box }, { memory })
      expect(read('memory.max')).toBe(value)
    })

  test('which weight there is is seen in the cgroup itself', async () => {
    put({ 'io.weight': 'default 100\n' })
    await updateCgroup(host, { '': box }, { blockIO: { weight: 1000 } })
    expect(read('io.weight')).toMatch(/^10000/)
  })

  test('a controller that the cgroup does not have', async () => {
    put({ 'cgroup.controllers': 'cpu memory\n' })
    await expect(updateCgroup(host, { '': box }, { pids: { limit: 4 } })).rejects.toMatchObject({
      errno: 'ENOENT', field: '/pids/limit', message: 'cannot set pids limit: container could not join or create cgroup',
    })
    await expect(updateCgroup(host, { '': box }, { unified: { 'cpu.nothing': '4' } })).rejects.toMatchObject({
      field: '/unified/cpu.nothing', message: expect.stringMatching(/cpu.nothing": open: no such file or directory/),
    })
  })

  test('a directory in the place of a file', async () => {
    mkdirSync(join(box, 'pids.max'))
    await expect(updateCgroup(host, { '': box }, { pids: { limit: 4 } })).rejects.toMatchObject({ errno: 'EISDIR', field: '/pids/limit' })
  })
})

test.each<[string, string, string, string | undefined]>([
  ['pids.max', '5', 'max\n', 'max\n'],
  ['cpu.max', '5000 100000', 'max 100000\n', 'max 100000\n'],
  ['cpuset.cpus', '0', '\n', '\n'],
  ['memory.oom_control', '1', 'oom_kill_disable 0\nunder_oom 0\n', '0'],
  ['io.weight', '300', 'default 100\n8:0 200\n', '100'],
  ['io.weight', '8:0 300', 'default 100\n8:0 200\n', '8:0 200'],
  ['io.weight', '8:16 300', 'default 100\n8:0 200\n', '8:16 default'],
  ['io.max', '8:0 rbps=5', '8:0 rbps=max wbps=7 riops=max wiops=max\n', '8:0 rbps=max wbps=7 riops=max wiops=max'],
  ['io.max', '8:16 wiops=5', '8:0 rbps=1\n', '8:16 wiops=max'],
  ['blkio.throttle.read_bps_device', '8:0 5', '8:0 77\n', '8:0 77'],
  ['blkio.throttle.read_bps_device', '8:1 5', '8:10 77\n', '8:1 0'],
  ['net_prio.ifpriomap', 'lo 5', 'lo 2\neth0 0\n', 'lo 2'],
  ['rdma.max', 'mlx5_0 hca_handle=2 hca_object=3', 'mlx5_1 hca_handle=1 hca_object=max\n', 'mlx5_0 hca_handle=max hca_object=max'],
  ['memory.reclaim', '5', '', undefined],
])('%s with the value %j gets back from %j: %j', (file, value, before, expected) => {
  expect(restoration({ file, value, field: '', optional: false }, before)).toBe(expected)
})
