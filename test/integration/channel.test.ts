/**
 * The end of a process and the end of its channel, as the addon tells them.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { addon, EVENT, subscribe, unsubscribe } from '../../lib/native/addon.ts'
import { describeWith } from '../helpers/needs.ts'

const startTime = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ')[19]!

describeWith(['addon'], 'a channel', () => {
  // A host process that is just forking has copies of all descriptors, also of the end that init had.
  test('ends with its process, whoever else still holds its other end', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nrunc-channel-'))
    const fifo = join(directory, 'fifo')
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
    const events: number[] = []
    const id = subscribe((type) => events.push(type))
    addon().hold(true)
    try {
      expect(addon().mkfifo(fifo, 0o600)).toBe(0)
      const holder = openSync(fifo, 'r+')
      expect(addon().watch(id, child.pid!, startTime(child.pid!))).toBe(0)
      expect(addon().openChannel(id, fifo)).toBe(0)
      child.kill('SIGKILL')
      await vi.waitFor(() => expect(events).toContain(EVENT.exited), { timeout: 30_000 })
      expect(events).toEqual([EVENT.closed, EVENT.exited])
      closeSync(holder)
    } finally {
      addon().hold(false)
      unsubscribe(id)
      child.kill('SIGKILL')
      rmSync(directory, { recursive: true })
    }
  })
})
