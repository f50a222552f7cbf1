/**
 * The end of a process and the end of its channel, as the addon tells them.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { addon, EVENT, subscribe, unsubscribe } from '../../lib/native/addon.ts'
import { isRunning } from '../helpers/host.ts'
import { describeWith } from '../helpers/needs.ts'

/** Frames of init; addon/plan/format.h. */
const READY = 1, FORKED = 5
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

  test('of whoever means ill: a process that it names is not touched', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nrunc-channel-'))
    const fifo = join(directory, 'fifo')
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' }), victim = spawn('sleep', ['1000'], { stdio: 'ignore' })
    const events: number[] = []
    const id = subscribe((type) => events.push(type))
    addon().hold(true)
    try {
      expect(addon().mkfifo(fifo, 0o600)).toBe(0)
      const other = openSync(fifo, 'r+')
      expect(addon().watch(id, child.pid!, startTime(child.pid!))).toBe(0)
      expect(addon().openChannel(id, fifo)).toBe(0)
      const frame = (type: number, payload: readonly number[]) => writeSync(other, new Uint32Array([type, 4 * payload.length, ...payload]))
      frame(FORKED, [victim.pid!])
      frame(READY, [])
      await vi.waitFor(() => expect(events).toContain(EVENT.ready), { timeout: 30_000 })
      expect(events).toEqual([EVENT.ready])
      expect([isRunning(victim.pid!), isRunning(child.pid!)]).toEqual([true, true])
      closeSync(other)
    } finally {
      addon().hold(false)
      unsubscribe(id)
      child.kill('SIGKILL')
      victim.kill('SIGKILL')
      rmSync(directory, { recursive: true })
    }
  })
})
