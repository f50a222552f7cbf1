/**
 * A process that is killed while it makes a container.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { isRunning } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'

const library = new URL('../../dist/index.js', import.meta.url).href

describeWith([...container, 'cli'], 'a maker that is killed', () => {
  const sandbox = useSandbox()

  test('leaves an id that only delete with force frees, and then nothing', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'], (spec) => {
      spec.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', 'sleep 20'] }] }
    })
    const maker = spawn(process.execPath, ['--input-type=module', '-e', `
      const { Runtime } = await import(${JSON.stringify(library)})
      await new Runtime({ root: ${JSON.stringify(sandbox.root)} }).create({ id: '${id}', bundle: ${JSON.stringify(bundle)} })
    `], { stdio: 'ignore' })
    const staged = join(sandbox.root, id, 'state.json.new')
    const pid = await vi.waitFor(() => {
      const { init_process_pid } = JSON.parse(readFileSync(staged, 'utf8')) as { init_process_pid: number }
      expect(init_process_pid).toBeGreaterThan(0)
      return init_process_pid
    }, { timeout: 60_000 })
    maker.kill('SIGKILL')
    await once(maker, 'exit')

    expect((await rejection(sandbox.runtime.load(id))).code).toBe('ERR_NOT_FOUND')
    expect((await rejection(sandbox.runtime.create({ id, bundle }))).code).toBe('ERR_ID_EXISTS')
    expect((await rejection(sandbox.runtime.delete(id))).code).toBe('ERR_NOT_FOUND')
    await sandbox.runtime.delete(id, { force: true })
    expect(existsSync(join(sandbox.root, id))).toBe(false)
    expect(isRunning(pid)).toBe(false)
  })

  test('at no size of the state is the part with the process in two pages: a write to it is whole or none', async () => {
    const ofSize = async (size: number): Promise<string> => {
      const one = await sandbox.create(['true'], (spec) => { spec.annotations = { a: 'x'.repeat(size) } })
      const text = readFileSync(join(sandbox.root, one.id, 'state.json'), 'latin1')
      await one.delete()
      return text
    }
    const before = (await ofSize(0)).indexOf('"init_process_pid"')
    for (const room of [1, 200, 400, 1023, 1025]) {
      const text = await ofSize(2 * 4096 - before - room)
      const start = text.indexOf('"init_process_pid"')
      expect([start >= 4096 && start <= 2 * 4096, Math.floor(start / 4096)]).toEqual([true, Math.floor((text.length - 1) / 4096)])
      expect(JSON.parse(text)).toMatchObject({ init_process_pid: expect.any(Number) as number, namespace_paths: {} })
    }
  })
})
