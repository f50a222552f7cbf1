/**
 * Intel RDT. Few machines have it: the directory is a fake one, in which the kernel does nothing; what is written to its
 * files is what it would have got.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { end, rejection, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const fake = vi.hoisted(() => ({ root: '' }))
vi.mock('../../lib/resctrl/host.ts', () => ({
  resctrlHost: () => (fake.root === '' ? undefined : { root: fake.root, cache: true, bandwidth: true, monitoring: true }),
}))

describeWith(container, 'resctrl', () => {
  const sandbox = useSandbox()
  const group = () => join(fake.root, 'gold')
  beforeEach(() => {
    fake.root = join(sandbox.directory, sandbox.id())
    mkdirSync(join(fake.root, 'info'), { recursive: true })
    mkdirSync(group())
    writeFileSync(join(fake.root, 'info/last_cmd_status'), 'mask f0f has non-consecutive 1-bits\n')
    writeFileSync(join(group(), 'schemata'), 'L3:0=f\n')
    writeFileSync(join(group(), 'tasks'), '')
  })

  test('a container is in the group of its class of service, and so is what is added to it', async () => {
    const made = await sandbox.run(['sleep', '1000'], ({ linux }) => {
      linux.intelRdt = { closID: 'gold', l3CacheSchema: 'L3:0=f' }
    })
    // A task that writes 0 means itself.
    expect(readFileSync(join(group(), 'tasks'), 'latin1')).toBe('0')
    writeFileSync(join(group(), 'tasks'), '')
    await end(await made.exec({ args: ['true'], stdin: 'ignore' }))
    expect(readFileSync(join(group(), 'tasks'), 'latin1')).toBe('0')
    expect(readFileSync(join(group(), 'schemata'), 'latin1')).toBe('L3:0=f\n')
    await made.delete({ force: true })
    expect(readdirSync(group())).toEqual(['schemata', 'tasks'])
  })

  test('a group that cannot be set: the words of the kernel, and it is removed', async () => {
    const id = sandbox.id()
    const error = await rejection(sandbox.create(['true'], ({ linux }) => {
      linux.intelRdt = { schemata: ['L3:0=f0f'] }
    }, { id }))
    // A directory without the kernel behind it has no file `schemata`.
    expect(error).toMatchObject({ code: 'ERR_HOST', field: '/linux/intelRdt/schemata', step: 'prepareResctrl', errno: 'ENOENT' })
    expect(error.message).toContain('(mask f0f has non-consecutive 1-bits)')
    expect(existsSync(join(fake.root, id))).toBe(false)
  })

  test('without resctrl: an error, and no container', async () => {
    fake.root = ''
    const error = await rejection(sandbox.create(['true'], ({ linux }) => { linux.intelRdt = {} }))
    expect(error).toMatchObject({
      code: 'ERR_HOST', field: '/linux/intelRdt', message: 'intelRdt is specified in config, but Intel RDT is not enabled',
    })
    expect(await sandbox.runtime.list()).toEqual([])
  })
})
