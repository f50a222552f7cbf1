/**
 * Processes that outlive the command that made them: who inherits them, as conmon and containerd's shim do, learns how
 * they ended, also when that is at once.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { useSandbox } from '../helpers/containers.ts'
import { bench, container, describeWith } from '../helpers/needs.ts'

describeWith([...container, 'cli', 'compiler'], 'under a shim', () => {
  const sandbox = useSandbox()
  /** What the shim has seen end: the command itself, and others by pid. */
  const underShim = async (...words: string[]) => {
    const { stdout } = await sandbox.nrunc(words, { through: [bench().shim] })
    const lines = stdout.trim().split('\n').map((line) => line.split(' '))
    return { command: lines.find(([who]) => who === 'PROGRAM')?.[1], ends: Object.fromEntries(lines) as Record<string, string> }
  }
  const pidFile = () => join(sandbox.directory, `pid-${Math.random()}`)

  test.each([['true', '0'], ['exit 7', '7'], ['kill -9 $$', '137']])('exec --detach of a process that ends at once: %s', async (script, code) => {
    const made = await sandbox.run(['sleep', '1000'])
    for (let round = 0; round < 10; round++) {
      const file = pidFile()
      const { command, ends } = await underShim('exec', '--detach', '--pid-file', file, made.id, 'sh', '-c', script)
      expect(command).toBe('0')
      expect(ends[readFileSync(file, 'utf8')]).toBe(code)
    }
  })

  test('run --detach', async () => {
    for (let round = 0; round < 10; round++) {
      const { id, bundle } = sandbox.bundle(['sh', '-c', 'exit 5'])
      const file = pidFile()
      const { command, ends } = await underShim('run', '--detach', '--pid-file', file, '-b', bundle, id)
      expect(command).toBe('0')
      expect(ends[readFileSync(file, 'utf8')]).toBe('5')
      expect(await sandbox.nrunc(['delete', id])).toMatchObject({ code: 0 })
    }
  })

  test('a command that fails leaves nobody to inherit', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const { id, bundle } = sandbox.bundle(['nosuch'])
    expect((await underShim('create', '-b', bundle, id)).ends).toEqual({ PROGRAM: '1' })
    expect((await underShim('exec', '--detach', made.id, 'nosuch')).ends).toEqual({ PROGRAM: '255' })
  })
})
