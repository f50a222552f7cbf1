import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type RemovalCalls, removeCgroup } from '../../../lib/cgroup/remove.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nrunc-cgroup-'))
  await mkdir(join(root, 'box/a/b'), { recursive: true })
  await writeFile(join(root, 'cgroup.procs'), '')
})
afterEach(() => rm(root, { recursive: true, force: true }))

/** The kernel, which says EBUSY to the first REFUSALS calls for PATH, and a clock that does not wait. */
function busy(path: string, refusals: number, errno = 'EBUSY') {
  const pauses: number[] = []
  let left = refusals
  const calls: RemovalCalls = {
    rmdir: async target => {
      if (target === path && left-- > 0) throw Object.assign(new Error(errno), { code: errno, syscall: 'rmdir' })
      await rmdir(target)
    },
    removeAll: async () => false,
    sleep: async milliseconds => { pauses.push(milliseconds) },
  }
  return { calls, pauses }
}

test('removes what the container made below, deepest first', async () => {
  await removeCgroup({ memory: join(root, 'box') })
  expect(existsSync(join(root, 'box'))).toBe(false)
  expect(existsSync(root)).toBe(true)
})

test('what is gone is no error', async () => {
  await removeCgroup({})
  await removeCgroup({ memory: join(root, 'nothing'), cpu: join(root, 'nothing/at/all') })
})

test('controllers that share a directory are removed once', async () => {
  await mkdir(join(root, 'plain'))
  const removed: string[] = []
  await removeCgroup({ cpu: join(root, 'plain'), cpuacct: join(root, 'plain') }, {
    removeAll: async () => false, rmdir: async path => { removed.push(path.toString()) }, sleep: async () => undefined,
  })
  expect(removed).toEqual([join(root, 'plain')])
})

test('a busy cgroup is tried again, with growing pauses', async () => {
  const box = join(root, 'box')
  const { calls, pauses } = busy(box, 4)
  await removeCgroup({ memory: box }, calls)
  expect(existsSync(box)).toBe(false)
  expect(pauses).toEqual([1, 2, 4])
})

test('one that stays busy is an error with path and errno, and the others are removed', async () => {
  const box = join(root, 'box')
  await mkdir(join(root, 'other'))
  const { calls, pauses } = busy(box, Infinity)
  await expect(removeCgroup({ memory: box, pids: join(root, 'other') }, calls)).rejects.toMatchObject({
    code: 'ERR_CGROUP', operand: box, errno: 'EBUSY', syscall: 'rmdir', message: `cannot remove cgroup "${box}": EBUSY`,
  })
  expect(existsSync(join(root, 'other'))).toBe(false)
  expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBeGreaterThan(1900)
})

test('an error that time does not heal is thrown at once', async () => {
  const box = join(root, 'box')
  const { calls, pauses } = busy(box, Infinity, 'EACCES')
  await expect(removeCgroup({ memory: box }, calls)).rejects.toMatchObject({ code: 'ERR_CGROUP', errno: 'EACCES' })
  expect(pauses).toEqual([])
})

test('EROFS about what does not exist is no error', async () => {
  const path = join(root, 'nothing')
  await removeCgroup({ memory: path }, busy(path, Infinity, 'EROFS').calls)
})

describe('what cannot be the cgroup of a container is not emptied', () => {
  test('the root of a hierarchy', async () => {
    await expect(removeCgroup({ memory: join(root, 'box/a') })).rejects.toMatchObject({
      code: 'ERR_CGROUP', message: `"${join(root, 'box/a')}" is not the cgroup of a container`,
    })
    expect(existsSync(join(root, 'box/a/b'))).toBe(true)
  })

  test('a path with ..', async () => {
    await expect(removeCgroup({ memory: `${root}/x/../box` })).resolves.toBeUndefined()
    await mkdir(join(root, 'x'))
    await expect(removeCgroup({ memory: `${root}/x/../box` })).rejects.toMatchObject({ code: 'ERR_CGROUP' })
    expect(existsSync(join(root, 'box/a/b'))).toBe(true)
  })
})
