import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cgroupProcesses, killCgroup } from '../../../lib/cgroup/processes.ts'

let root = ''
let box = ''
const children: ChildProcess[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nrunc-cgroup-'))
  box = join(root, 'box')
  await mkdir(join(box, 'a/b'), { recursive: true })
  await list('', '')
  await list('box', '30\n4\n')
  await list('box/a', '')
  await list('box/a/b', '100\n4\n0\n')
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if ((child.exitCode ?? child.signalCode) !== null) continue
    const end = once(child, 'exit')
    child.kill('SIGKILL')
    await end
  }
  await rm(root, { recursive: true, force: true })
})

const list = (directory: string, pids: string) => writeFile(join(root, directory, 'cgroup.procs'), pids)

/** A process, and the list of it in the pretended cgroup, which is emptied when it ends, as the kernel does. */
async function pretend(lists: readonly string[], own = ''): Promise<ChildProcess> {
  const child = spawn('/bin/sleep', ['100'], { stdio: 'ignore' })
  children.push(child)
  child.once('exit', () => { for (const directory of lists) writeFileSync(join(root, directory, 'cgroup.procs'), own) })
  for (const directory of lists) await list(directory, `${child.pid}\n${own}`)
  return child
}

test('all processes, also of cgroups below; ascending, each once, without those that cannot be named', async () => {
  expect(await cgroupProcesses({ devices: box })).toEqual([4, 30, 100])
})

test('one hierarchy is asked: devices, else the unified one, else any', async () => {
  const nothing = join(root, 'nothing')
  expect(await cgroupProcesses({ memory: nothing, '': nothing, devices: box })).toEqual([4, 30, 100])
  expect(await cgroupProcesses({ memory: nothing, '': box })).toEqual([4, 30, 100])
  expect(await cgroupProcesses({ memory: box })).toEqual([4, 30, 100])
})

test('none where there is no cgroup', async () => {
  expect(await cgroupProcesses({})).toEqual([])
  expect(await cgroupProcesses({ '': join(root, 'nothing') })).toEqual([])
})

test('a directory that is not a cgroup', async () => {
  await writeFile(join(root, 'file'), '')
  await expect(cgroupProcesses({ '': join(root, 'file') })).rejects.toMatchObject({
    code: 'ERR_CGROUP', errno: 'ENOTDIR', operand: join(root, 'file'),
  })
})

test('every process is killed, and the call waits for them', async () => {
  await list('box/a/b', '')
  const child = await pretend(['box'])
  const end = once(child, 'exit')
  await killCgroup({ devices: box })
  expect(await end).toEqual([null, 'SIGKILL'])
  expect(await cgroupProcesses({ devices: box })).toEqual([])
})

test('the caller is never killed', async () => {
  await list('box/a/b', `${process.pid}\n0\n`)
  const child = await pretend(['box'], `${process.pid}\n`)
  const end = once(child, 'exit')
  await killCgroup({ devices: box })
  expect(await end).toEqual([null, 'SIGKILL'])
})

test('cgroup.kill is used on v2, and is not where the caller is inside', async () => {
  const kill = join(box, 'cgroup.kill')
  await list('box/a/b', '')
  await writeFile(kill, '')
  const child = await pretend(['box'])
  const killed = killCgroup({ '': box })
  while (readFileSync(kill, 'utf8') !== '1') await new Promise(setImmediate)
  expect(child.exitCode ?? child.signalCode).toBeNull()
  child.kill('SIGKILL')
  await killed

  await writeFile(kill, '')
  const second = await pretend(['box'], `${process.pid}\n`)
  const end = once(second, 'exit')
  await killCgroup({ '': box })
  await end
  expect(readFileSync(kill, 'utf8')).toBe('')
})

test('nobody is killed below what cannot be the cgroup of a container', async () => {
  await list('box/a/b', '')
  const child = await pretend(['box/a'])
  await rm(join(box, 'cgroup.procs'))
  await expect(killCgroup({ devices: join(box, 'a') })).rejects.toMatchObject({
    code: 'ERR_CGROUP', message: `"${join(box, 'a')}" is not the cgroup of a container`,
  })
  expect(child.exitCode ?? child.signalCode).toBeNull()
})

test('no cgroup, nobody to kill', async () => {
  await killCgroup({})
  await killCgroup({ '': join(root, 'nothing') })
})
