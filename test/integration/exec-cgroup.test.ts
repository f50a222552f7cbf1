/**
 * The cgroups that a process added by exec is in: seen from inside by /proc/self/cgroup, and in paused containers.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cgroupDirectory, cgroupMounts, cgroupOf, hierarchyOf } from '../helpers/cgroup.ts'
import { useSandbox } from '../helpers/containers.ts'
import { until } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'

const v2 = hierarchyOf('freezer')?.version !== 1

describeWith([...container, 'cli'], 'exec and cgroups', () => {
  const sandbox = useSandbox()
  let id = ''
  beforeEach(async () => {
    // The host's cgroup tree is what /proc/self/cgroup shows without a cgroup namespace.
    const { id: name, bundle } = sandbox.bundle(['sleep', '1000'], ({ linux }) => {
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'cgroup')
    })
    id = name
    expect(await sandbox.nrunc(['run', '-d', '-b', bundle, id])).toEqual({ code: 0, stdout: '', stderr: '' })
  })
  afterEach(async () => {
    await sandbox.nrunc(['delete', '--force', id])
  })
  const directory = (controller: string) => cgroupDirectory(id, controller)
  const subCgroup = (controller: string, name: string) => mkdirSync(join(directory(controller), name))
  const exec = (...words: string[]) => sandbox.nrunc(['exec', ...words])

  /** Path in each hierarchy, by controller. */
  const cgroupsOf = (text: string): Map<string, string> => new Map(text.trim().split('\n').flatMap((line) => {
    const [, names = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    return names.split(',').map((name) => [name, path] as const)
  }))
  const one = v2 ? '' : 'pids'
  const other = v2 ? '' : 'memory'

  test('the container\'s own by default, and with --cgroup /', async () => {
    for (const words of [[], ['--cgroup', '/'], ['--cgroup=']]) {
      const { stdout } = await exec(...words, id, 'cat', '/proc/self/cgroup')
      expect(cgroupsOf(stdout).get(one)).toBe(cgroupOf(id))
    }
  })

  test('--cgroup CONTROLLER:PATH', async (context) => {
    if (v2) context.skip('cgroup v2 has one hierarchy')
    subCgroup('pids', 'sub')
    const { stdout, code } = await exec('--cgroup', 'pids:sub', id, 'cat', '/proc/self/cgroup')
    const seen = cgroupsOf(stdout)
    expect([code, seen.get('pids'), seen.get(other)]).toEqual([0, `${cgroupOf(id)}/sub`, cgroupOf(id)])
  })

  test('--cgroup PATH that does not exist in every hierarchy', async () => {
    const { stdout, stderr, code } = await exec('--cgroup', 'nosuch', id, 'true')
    expect([code, stdout]).toEqual([255, ''])
    expect(stderr).toMatch(/nosuch.*no such file or directory/)
  })

  test.each([['../x', '../x is not a sub cgroup path'], ['nosuch:x', 'unknown controller nosuch in SubCgroupPaths']])(
    '--cgroup %s', async (value, message) => {
      expect(await exec('--cgroup', value, id, 'true')).toMatchObject({
        code: 255, stdout: '', stderr: expect.stringContaining(`exec failed: ${message}`),
      })
    })

  test('cgroup v2: where the container has divided its own, a new process joins init\'s, but for --cgroup /', async (context) => {
    const unified = cgroupMounts().find(({ version }) => version === 2)
    const controller = unified?.controllers.find((name) => name === 'pids' || name === 'hugetlb')
    if (controller === undefined) return context.skip('no cgroup2 with a controller to give on')
    // On a hybrid host cgroup2 is used for what is only there.
    const limits = existsSync('/sys/kernel/mm/hugepages/hugepages-2048kB') ? [{ pageSize: '2MB', limit: 4194304 }] : []
    const divided = sandbox.bundle(['sleep', '1000'], ({ linux }) => {
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'cgroup')
      linux.resources = { ...linux.resources, hugepageLimits: limits }
    })
    await sandbox.nrunc(['run', '-d', '-b', divided.bundle, divided.id])
    const top = cgroupDirectory(divided.id, controller)
    if (!existsSync(top)) return context.skip('no huge pages to limit')
    const { pid } = JSON.parse((await sandbox.nrunc(['state', divided.id])).stdout) as { pid: number }
    mkdirSync(join(top, 'inner'))
    writeFileSync(join(top, 'inner/cgroup.procs'), String(pid))
    writeFileSync(join(top, 'cgroup.subtree_control'), `+${controller}`)
    const { stdout, code } = await exec(divided.id, 'cat', '/proc/self/cgroup')
    expect([code, cgroupsOf(stdout).get('')]).toEqual([0, `${cgroupOf(divided.id)}/inner`])
    expect(await exec('--cgroup', '/', divided.id, 'true')).toMatchObject({ code: 255, stdout: '', stderr: expect.stringContaining('busy') })
  })

  const freeze = (frozen: boolean) => {
    if (v2) writeFileSync(join(directory('pids'), 'cgroup.freeze'), frozen ? '1' : '0')
    else writeFileSync(join(directory('freezer'), 'freezer.state'), frozen ? 'FROZEN' : 'THAWED')
  }

  test('a paused container: refused, and with --ignore-paused it waits', async () => {
    freeze(true)
    await until(async () => JSON.parse((await sandbox.nrunc(['state', id])).stdout).status === 'paused')
    expect(await exec(id, 'true')).toMatchObject({
      code: 255,
      stderr: expect.stringContaining('cannot exec in a paused container (use --ignore-paused to override)'),
    })
    let ended = false
    const waiting = exec('--ignore-paused', id, 'sh', '-c', 'exit 6').finally(() => { ended = true })
    const procs = () => readFileSync(join(directory(v2 ? 'pids' : 'freezer'), 'cgroup.procs'), 'utf8').trim().split('\n')
    await until(async () => procs().length === 2)
    expect(ended).toBe(false)
    freeze(false)
    expect(await waiting).toMatchObject({ code: 6 })
  })
})
