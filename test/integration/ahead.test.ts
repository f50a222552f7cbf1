/**
 * From the third start of a bundle on, and from a template, the clone begins before the plan is made.
 */
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import type { Container, Runtime } from '../../lib/index.ts'

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
    for (let start = 0; start < 4; start++) starts.push(await started(sandbox.runtime, id, bundle))
    expect(begins(starts[0]!, 'clone')).toBeGreaterThan(begins(starts[0]!, 'plan'))
    // On a host where it is born in its cgroup, that has to be made first.
    const last = starts.at(-1)!
    if (last.timings!.steps.some(({ step, by }) => step === 'joinCgroup' && by === 'init')) {
      expect(begins(last, 'clone')).toBeLessThan(begins(last, 'plan'))
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
