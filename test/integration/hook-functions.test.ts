/**
 * Hooks that are functions of the caller.
 */
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { HookFunctions, HookState } from '../../lib/index.ts'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { isRunning } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith(container, 'hooks as functions', () => {
  const sandbox = useSandbox()

  test('each in its time, with the state of that time', async () => {
    const seen: [string, HookState][] = []
    const note = (kind: string) => (state: HookState) => { seen.push([kind, state]) }
    const hooks: HookFunctions = {
      prestart: note('prestart'), createRuntime: [note('one'), note('two')], poststart: note('poststart'), poststop: note('poststop'),
    }
    const made = await sandbox.create(['true'], undefined, { hooks })
    expect(seen.map(([kind, { status, pid }]) => [kind, status, pid])).toEqual([
      ['prestart', 'creating', made.pid], ['one', 'creating', made.pid], ['two', 'creating', made.pid],
    ])
    await made.start()
    await made.wait()
    await made.delete()
    expect(seen.slice(3).map(([kind, { status, pid }]) => [kind, status, pid])).toEqual([
      ['poststart', 'running', made.pid], ['poststop', 'stopped', undefined],
    ])
    for (const [, state] of seen) expect(state).toMatchObject({ id: made.id, bundle: made.bundle, ociVersion: made.spec.ociVersion })
  })

  test('the namespaces are there, and the program is not, while createRuntime is awaited', async () => {
    let network = ''
    let settled = false
    const made = await sandbox.run(['readlink', '/proc/self/ns/net'], undefined, {
      hooks: {
        createRuntime: async ({ pid }) => {
          network = readlinkSync(`/proc/${pid}/ns/net`)
          await new Promise((resolve) => setTimeout(resolve, 50))
          expect(readFileSync(`/proc/${pid}/comm`, 'latin1')).not.toContain('readlink')
          settled = true
        },
      },
    })
    expect(settled).toBe(true)
    let line
    for await (line of made);
    expect(line).toBe(network)
    expect(network).not.toBe(readlinkSync('/proc/self/ns/net'))
  })

  test('after the programs of config.json', async () => {
    const file = join(sandbox.directory, 'order')
    writeFileSync(file, '')
    await using made = await sandbox.run(['true'], (spec) => {
      spec.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `echo program >> ${file}`] }] }
    }, { hooks: { createRuntime: () => writeFileSync(file, 'function\n', { flag: 'a' }) } })
    expect(readFileSync(file, 'utf8')).toBe('program\nfunction\n')
    expect((await made.wait()).code).toBe(0)
  })

  describe.each(['prestart', 'createRuntime', 'poststart'] as const)('%s', (kind) => {
    test('that throws: nothing is left, and poststop is called', async () => {
      const { id, bundle } = sandbox.bundle(['sleep', '1000'])
      const cause = new Error('not today')
      let stopped = 0
      let pid: number | undefined
      const hooks: HookFunctions = {
        [kind]: (state: HookState) => {
          pid = state.pid
          throw cause
        },
        poststop: () => { stopped++ },
      }
      const error = await leavesNothing(sandbox, () => rejection(sandbox.runtime.run({ id, bundle, hooks })))
      expect([error.code, error.message, error.cause]).toEqual(['ERR_HOOK', `error running ${kind} hook function #0: not today`, cause])
      expect([stopped, isRunning(pid!)]).toEqual([1, false])
    })

    test('that never ends gives way to a time-out', async () => {
      const { id, bundle } = sandbox.bundle(['sleep', '1000'])
      const hooks: HookFunctions = { [kind]: () => new Promise(() => {}) }
      const error = await leavesNothing(sandbox, () => rejection(sandbox.runtime.run({ id, bundle, hooks, timeout: 300 })))
      expect(error.code).toBe('ERR_TIMEOUT')
    })
  })

  test('a poststop hook that throws is a warning', async () => {
    const made = await sandbox.run(['true'], undefined, { hooks: { poststop: [() => { throw new Error('too late') }] } })
    await made.wait()
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    await made.delete()
    expect((await warned).message).toBe('error running poststop hook function #0: too late')
    expect(existsSync(join(sandbox.root, made.id))).toBe(false)
  })

  test.each([
    [{ hooks: { createContainer: () => {} } }, 'createContainer', 'createContainer hooks run inside the container: they can only be programs of config.json'],
    [{ hooks: { poststat: () => {} } }, 'poststat', 'unknown option "poststat"'],
    [{ hooks: { poststart: 'true' } }, 'poststart', 'hooks.poststart must be a function or a list of functions'],
  ])('%j is refused', async (options, operand, message) => {
    const error = await leavesNothing(sandbox, () => rejection(sandbox.runtime.run({ id: sandbox.id(), ...options } as never)))
    expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID', operand, message })
  })

  test('of one start of a template', async () => {
    const spec = sandbox.spec(['true'], ({ linux }) => { delete linux.cgroupsPath })
    await using template = await sandbox.runtime.compile({ bundle: sandbox.directory, spec, networksAhead: 0 })
    const seen: string[] = []
    for (const word of ['one', 'two']) {
      const made = sandbox.keep(await template.create({
        id: sandbox.id(), stdin: 'ignore',
        hooks: { createRuntime: ({ pid }) => { seen.push(`${word} ${isRunning(pid!)}`) }, poststop: ({ id }) => { seen.push(id) } },
      }))
      await made.delete()
      expect(seen.splice(0)).toEqual([`${word} true`, made.id])
    }
    const made = sandbox.keep(await template.run({ id: sandbox.id(), stdin: 'ignore' }))
    await made.wait()
    await made.delete()
    expect(seen).toEqual([])
    expect((await rejection(template.run({ hooks: { startContainer: () => {} } as never }))).code).toBe('ERR_OPTION_INVALID')
    await leavesNothing(sandbox, async () => {
      expect((await rejection(template.run({ hooks: { prestart: () => { throw new Error('no') } } }))).code).toBe('ERR_HOOK')
    })
  })

  test('of a pool: some when a container is made, some when it is acquired, the last also for what nobody acquired', async () => {
    const seen: string[] = []
    const note = (kind: string) => ({ id }: HookState): void => { seen.push(`${kind} ${id}`) }
    const hooks = { createRuntime: note('createRuntime'), poststart: note('poststart'), poststop: note('poststop') }
    const spec = sandbox.spec(['sleep', '1000'], ({ linux }) => { delete linux.cgroupsPath })
    const pool = await sandbox.runtime.pool({ bundle: sandbox.directory, spec, size: 2, fillAfter: 2 ** 31 - 1, hooks })
    const ids = seen.splice(0).map((line) => line.replace('createRuntime ', ''))
    expect(new Set(ids).size).toBe(2)
    const made = sandbox.keep(await pool.acquire({ stdin: 'ignore' }))
    const other = ids.find((id) => id !== made.id)
    expect(seen.splice(0)).toEqual([`poststart ${made.id}`])
    await pool.close()
    expect(seen.splice(0)).toEqual([`poststop ${other}`])
    await made.delete({ force: true })
    expect(seen).toEqual([`poststop ${made.id}`])
    const startContainer = { startContainer: () => {} } as never
    expect((await rejection(sandbox.runtime.pool({ bundle: sandbox.directory, spec, size: 1, hooks: startContainer }))).code).toBe('ERR_OPTION_INVALID')
  })
})
