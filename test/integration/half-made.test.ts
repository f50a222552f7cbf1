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
})
