/**
 * From the third start of a bundle on, and from a template, the clone begins before the plan is made; in a single start
 * while it is made.
 */
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { type Container, Runtime } from '../../lib/index.ts'

describeWith(container, 'a clone that begins before its plan is made', () => {
  const sandbox = useSandbox()

  const begins = ({ timings }: Container, name: string): number => timings!.steps.find(({ step }) => step === name)!.start
  const started = async (runtime: Runtime, id: string, bundle: string): Promise<Container> => {
    const one = await runtime.run({ id, bundle, stdout: 'ignore' })
    expect(await one.wait()).toMatchObject({ code: 0 })
    await one.delete()
    return one
  }

  test('is that of the container', async () => {
    const { id, bundle } = sandbox.bundle(['true'])
    const starts: Container[] = []
    for (let start = 0; start < 12; start++) starts.push(await started(sandbox.runtime, id, bundle))
    const isFirst = (one: Container): boolean => begins(one, 'clone') < begins(one, 'plan')
    expect(isFirst(starts[0]!)).toBe(false)
    // On a host where it is born in its cgroup, that has to be made first. On a busy one a thread may come too late.
    if (starts[0]!.timings!.steps.some(({ step, by }) => step === 'joinCgroup' && by === 'init')) {
      expect(starts.slice(2).some(isFirst)).toBe(true)
    }
  })

  test('ends where the start fails: the id is taken, the cgroup cannot be made', async () => {
    const { id, bundle } = sandbox.bundle(['true'])
    for (let start = 0; start < 3; start++) await started(sandbox.runtime, id, bundle)
    const other = await sandbox.runtime.create({ id, bundle })
    for (let round = 0; round < 5; round++) {
      await leavesNothing(sandbox, async () => {
        expect((await rejection(sandbox.runtime.run({ id, bundle }))).code).toBe('ERR_ID_EXISTS')
        expect((await rejection(sandbox.runtime.run({ id: `${id}x`, bundle }))).code).toBe('ERR_CGROUP')
      })
    }
    await other.delete({ force: true })
  })

  test('of a single start ends where that fails: the cgroup cannot be made, or a mount', async () => {
    const { id, bundle } = sandbox.bundle(['true'])
    const other = await sandbox.runtime.create({ id, bundle })
    const file = join(bundle, 'config.json')
    const text = readFileSync(file, 'utf8')
    for (let round = 0; round < 3; round++) {
      await leavesNothing(sandbox, async () => {
        expect((await rejection(new Runtime({ root: sandbox.runtime.root }).run({ id: `${id}x`, bundle }))).code).toBe('ERR_CGROUP')
      })
      await leavesNothing(sandbox, async () => {
        const config = JSON.parse(text) as { linux: object; mounts: object[] }
        config.mounts.push({ destination: '/x', type: 'bind', source: '/nowhere/at/all', options: ['bind'] })
        writeFileSync(file, JSON.stringify(config))
        await rejection(new Runtime({ root: sandbox.runtime.root }).run({ id: `${id}y`, bundle }))
        writeFileSync(file, text)
      })
    }
    await other.delete({ force: true })
  })

  test('has the namespaces of the config, also when that has changed', async () => {
    const { id, bundle } = sandbox.bundle(['readlink', '/proc/self/ns/uts'])
    const uts = async (): Promise<string> => {
      const one = await sandbox.runtime.run({ id, bundle, stdout: 'pipe' })
      let text = ''
      for await (const line of one) text += line
      await one.wait()
      await one.delete()
      return text
    }
    for (let start = 0; start < 3; start++) expect(await uts()).toMatch(/^uts:/)
    const file = join(bundle, 'config.json')
    const config = JSON.parse(readFileSync(file, 'utf8')) as { hostname?: string; linux: { namespaces: { type: string }[] } }
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'uts')
    delete config.hostname
    writeFileSync(file, JSON.stringify(config))
    for (let start = 0; start < 4; start++) expect(await uts()).toBe(readlinkSync('/proc/self/ns/uts'))
  })
})
