/**
 * What would wait for ever: a process that the kernel holds, a starter that is gone.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { groupRoot, hierarchyOf } from '../helpers/cgroup.ts'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { isRunning } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'

const freezer = hierarchyOf('freezer')

describeWith([...container, 'cli'], 'what would wait for ever', () => {
  const sandbox = useSandbox()

  // In the freezer of v1 a process does not even heed SIGKILL, as one in state D.
  test.skipIf(freezer === undefined)('a process that cannot be killed: delete says so, and succeeds when it can', async () => {
    const id = sandbox.id()
    const above = join(freezer!.path, groupRoot, `${id}-above`)
    const made = await sandbox.run(['sleep', '1000'], (spec) => { spec.linux.cgroupsPath = join(groupRoot, `${id}-above`, id) }, { id })
    writeFileSync(join(above, 'freezer.state'), 'FROZEN')
    try {
      const error = await rejection(made.delete({ force: true }))
      expect([error.code, error.message]).toEqual(['ERR_STATUS', `container init still running: ${id}`])
      const { code, stderr } = await sandbox.nrunc(['delete', '--force', id])
      expect([code, stderr]).toEqual([1, expect.stringContaining(`container init still running: ${id}`)])
      expect(existsSync(join(sandbox.root, id))).toBe(true)
    } finally {
      writeFileSync(join(above, 'freezer.state'), 'THAWED')
    }
    await made.delete({ force: true })
    expect([isRunning(made.pid), existsSync(join(sandbox.root, id))]).toEqual([false, false])
  })

  test('a FIFO that a killed starter has left does not make a running container a created one', async () => {
    const made = await sandbox.create(['sleep', '1000'])
    const fifo = join(sandbox.root, made.id, 'exec.fifo')
    expect(existsSync(fifo)).toBe(true)
    await made.start()
    expect((await sandbox.nrunc(['exec', made.id, 'true'])).code).toBe(0)
    writeFileSync(fifo, '')
    expect((await made.state()).status).toBe('running')
    const error = await rejection(made.start())
    expect([error.code, error.message]).toEqual(['ERR_STATUS', 'cannot start an already running container'])
    expect((await rejection(made.delete())).code).toBe('ERR_STATUS')
    await made.delete({ force: true })
    expect(existsSync(join(sandbox.root, made.id))).toBe(false)
  })
})
