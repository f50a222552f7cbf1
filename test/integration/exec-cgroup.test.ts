/**
 * The cgroups that a process added by exec is in: seen from inside by /proc/self/cgroup, and in paused containers.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cgroupDirectory, groupRoot, hierarchyOf } from '../helpers/cgroup.ts'
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
      expect(cgroupsOf(stdout).get(one)).toBe(`${groupRoot}/${id}`)
    }
  })

  test('--cgroup CONTROLLER:PATH', async (context) => {
    if (v2) context.skip('cgroup v2 has one hierarchy')
    subCgroup('pids', 'sub')
    const { stdout, code } = await exec('--cgroup', 'pids:sub', id, 'cat', '/proc/self/cgroup')
    const seen = cgroupsOf(stdout)
    expect([code, seen.get('pids'), seen.get(other)]).toEqual([0, `${groupRoot}/${id}/sub`, `${groupRoot}/${id}`])
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
    if (!v2) context.skip('cgroup v1 has no such rule')
    const { pid } = JSON.parse((await sandbox.nrunc(['state', id])).stdout) as { pid: number }
    subCgroup('pids', 'inner')
    writeFileSync(join(directory('pids'), 'inner/cgroup.procs'), String(pid))
    writeFileSync(join(directory('pids'), 'cgroup.subtree_control'), '+pids')
    for (const words of [[], ['--cgroup', 'inner']]) {
      const { stdout, code } = await exec(...words, id, 'cat', '/proc/self/cgroup')
      expect([code, cgroupsOf(stdout).get('')]).toEqual([0, `${groupRoot}/${id}/inner`])
    }
    expect(await exec('--cgroup', '/', id, 'true')).toMatchObject({ code: 255, stdout: '', stderr: expect.stringContaining('busy') })
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
