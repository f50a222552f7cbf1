/**
 * A start that fails before systemd has made its scope: a unit of that name is another container's. The driver is a fake
 * one, which remembers what it was asked for.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { NruncError, Runtime } from '../../lib/index.ts'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const scope = { unit: 'nrunc-other.scope', slice: 'system.slice', manager: 'system' as const }
const fake = vi.hoisted(() => ({ calls: [] as string[], starting: async () => {} }))
vi.mock('../../lib/cgroup/systemd/driver.ts', () => ({
  scopePlanner: async () => ({ simple: false, layout: () => ({ directories: [], paths: { '': '/sys/fs/cgroup/other' }, field: '', rootless: true, scope }) }),
  startScope: async () => {
    fake.calls.push('start')
    await fake.starting()
  },
  stopScope: async () => { fake.calls.push('stop') },
}))

describeWith(container, 'a scope that is not made yet', () => {
  const sandbox = useSandbox()
  const create = (id: string, path?: string) => new Runtime({ root: sandbox.root, cgroupManager: 'systemd' }).create({
    id, bundle: sandbox.directory, spec: sandbox.spec(['true'], (spec) => {
      const { linux } = spec
      delete linux.resources
      // What cgroup v2 would mount there is the scope's directory, which nobody makes.
      spec.mounts = spec.mounts.filter(({ type }) => type !== 'cgroup')
      if (path !== undefined) linux.namespaces = linux.namespaces.map((one) => (one.type === 'network' ? { ...one, path } : one))
    }),
  })
  beforeEach(() => {
    fake.calls = []
    fake.starting = async () => {}
  })

  test('is not ended with the failed start', async () => {
    const id = sandbox.id()
    expect(await rejection(create(id, '/nowhere'))).toMatchObject({ errno: 'ENOENT' })
    expect([fake.calls, existsSync(join(sandbox.root, id))]).toEqual([[], false])
  })

  test('nor is it when it is the scope that is refused, whatever the reason', async () => {
    fake.starting = async () => { throw new NruncError('ERR_CONFIG_INVALID', 'a bad annotation') }
    expect(await rejection(create(sandbox.id()))).toMatchObject({ code: 'ERR_CONFIG_INVALID' })
    expect(fake.calls).toEqual(['start'])
  })

  test('and is not in the state by which what is half made is removed', async () => {
    const id = sandbox.id()
    const staged = (): unknown => JSON.parse(readFileSync(join(sandbox.root, id, 'state.json.new'), 'utf8'))
    let before: unknown
    fake.starting = async () => { before = staged() }
    await (await create(id)).delete({ force: true })
    expect(before).toMatchObject({ id, cgroup_paths: {} })
    expect(before).not.toHaveProperty('systemd')
    expect(fake.calls).toEqual(['start', 'stop'])
  })
})
