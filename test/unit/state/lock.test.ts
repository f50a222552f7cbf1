import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { addon } from '../../../lib/native/addon.ts'
import { NruncError } from '../../../lib/errors.ts'
import { takeId, withLock } from '../../../lib/state/lock.ts'
import { temporaryDirectory } from './samples.ts'

const temporary = temporaryDirectory()

/** Why these tests cannot run; empty when they can. */
function reasonAgainst(): string {
  try {
    addon()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}
const reason = reasonAgainst()
if (reason !== '') console.warn(`skipped: locks: ${reason}`)

const newDirectory = (): string => mkdtempSync(join(temporary, 'web-'))
const openHere = (path: string): number => readdirSync('/proc/self/fd').filter((fd) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path)
  } catch {
    return false
  }
}).length

/** Another process that has the lock, until its standard input ends. flock(1). */
async function holder(directory: string): Promise<ChildProcess> {
  const child = spawn('flock', [directory, 'sh', '-c', 'echo locked; cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

async function letGo(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.stdin!.end()
  await ended
}

const rejected = (promise: Promise<unknown>) => promise.then(
  () => { throw new Error('nothing was thrown') }, (error: unknown) => error as NruncError,
)

const name = `the lock of a container${reason === '' ? '' : ` (skipped: ${reason})`}`
describe.skipIf(reason !== '')(name, () => {
  test('is held while the work is done, and gives back what the work gave', async () => {
    const directory = newDirectory()
    expect(await withLock(directory, 'web', async () => [openHere(directory), 5])).toEqual([1, 5])
    expect(openHere(directory)).toBe(0)
  })

  test('of a new id is on an empty directory, whoever made it', async () => {
    const root = newDirectory()
    const { directory, lock } = await takeId(root, 'web')
    expect([directory, openHere(directory)]).toEqual([join(root, 'web'), 1])
    lock.close()
    expect(await rejected(takeId(root, 'web'))).toMatchObject({ code: 'ERR_ID_EXISTS' })
    expect(readdirSync(root)).toEqual(['web'])
    const fresh = addon().lock(directory, true)
    expect(fresh).toBeGreaterThan(0)
    addon().close(fresh)
    // Somebody has removed it, made it again, and had the lock first.
    writeFileSync(join(directory, 'state.json'), '')
    expect(addon().lock(directory, true)).toBe(-constants.errno.ENOTEMPTY)
    expect(openHere(directory)).toBe(0)
  })

  test('is let go when the work fails', async () => {
    const directory = newDirectory()
    await expect(withLock(directory, 'web', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(withLock(directory, 'web', () => { throw new Error('at once') })).rejects.toThrow('at once')
    expect(openHere(directory)).toBe(0)
    expect(await withLock(directory, 'web', async () => 'free')).toBe('free')
  })

  test('is that of one call at a time in this process', async () => {
    const directory = newDirectory()
    const order: string[] = []
    const work = (name: string) => withLock(directory, 'web', async () => {
      order.push(`${name} begins`)
      await new Promise((resolve) => setTimeout(resolve, 5))
      order.push(`${name} ends`)
    })
    await Promise.all([work('a'), work('b'), work('c')])
    expect(order.map((entry) => entry.split(' ')[1])).toEqual(['begins', 'ends', 'begins', 'ends', 'begins', 'ends'])
    expect(new Set(order).size).toBe(6)
    for (let at = 0; at < 6; at += 2) expect(order[at]!.split(' ')[0]).toBe(order[at + 1]!.split(' ')[0])
  })

  test('is that of one process at a time', async () => {
    const directory = newDirectory()
    const other = await holder(directory)
    let held = false
    const waiting = withLock(directory, 'web', async () => { held = true })
    await withLock(newDirectory(), 'db', async () => {}) // another container is not kept
    expect(held).toBe(false)
    await letGo(other)
    await waiting
    expect(held).toBe(true)
  })

  test('keeps other processes out, and ends with it', async () => {
    const directory = newDirectory()
    const tries = async (): Promise<number> => {
      const child = spawn('flock', ['--nonblock', directory, 'true'], { stdio: 'ignore' })
      const [code] = (await once(child, 'exit')) as [number]
      return code
    }
    expect(await withLock(directory, 'web', tries)).toBe(1)
    expect(await tries()).toBe(0)
  })

  test('is not inherited by a process that is started meanwhile', async () => {
    const directory = newDirectory()
    const child = await withLock(directory, 'web', async () => {
      const sleeping = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] })
      await once(sleeping, 'spawn')
      return sleeping
    })
    expect(await withLock(directory, 'web', async () => 'free')).toBe('free')
    await letGo(child)
  })

  test('a container that is gone does not exist', async () => {
    const error = await rejected(withLock(join(temporary, 'nowhere'), 'web', async () => {}))
    expect(error).toMatchObject({ code: 'ERR_NOT_FOUND', message: 'container "web" does not exist', operand: 'web' })
  })

  test('nor one that is deleted while its lock is awaited, even when its id is taken again', async () => {
    const directory = newDirectory()
    const other = await holder(directory)
    const error = rejected(withLock(directory, 'web', async () => {}))
    while (openHere(directory) === 0) await new Promise((resolve) => setTimeout(resolve, 5)) // it waits for this one
    rmdirSync(directory)
    mkdirSync(directory)
    await letGo(other)
    expect(await error).toMatchObject({ code: 'ERR_NOT_FOUND' })
    expect(openHere(directory)).toBe(0)
  })

  test('a file in its place is damage', async () => {
    const file = join(temporary, 'file')
    writeFileSync(file, '')
    expect(await rejected(withLock(file, 'web', async () => {}))).toMatchObject({
      code: 'ERR_STATE_INVALID', errno: 'ENOTDIR', syscall: 'flock', operand: file,
    })
  })
})
