/**
 * A worker thread that is terminated while a system call of its addon takes its time: what it holds is free afterwards.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import type { StateFile } from '../../lib/state/file.ts'
import { useSandbox } from '../helpers/containers.ts'
import { linkOf, until } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { bench, container, describeWith } from '../helpers/needs.ts'

const library = new URL('../../dist/index.js', import.meta.url).href

describeWith([...container, 'fuse'], 'a worker thread that is terminated', () => {
  const sandbox = useSandbox()
  let server: ChildProcessByStdio<Writable, Readable, null>
  afterEach(async () => {
    server.kill('SIGKILL')
    await once(server, 'exit')
  })

  const says = async (): Promise<string> => String((await once(server.stdout, 'data') as [Buffer])[0]).trim()

  /** A directory whose removal ends when the server is told how; in a mount namespace of its own. */
  const slowDirectory = async (): Promise<string> => {
    const place = mkdtempSync(join(sandbox.directory, 'slow-'))
    server = spawn('unshare', ['--mount', '--propagation', 'private', bench().fuse, place], { stdio: ['pipe', 'pipe', 'inherit'] })
    expect(await says()).toBe('ready')
    return `/proc/${server.pid}/root${place}/many`
  }

  test.each(['EBUSY', 'ENOENT'] as const)('while it removes a container, of which a cgroup is %s: the lock is free', async (errno) => {
    const cgroup = await slowDirectory()
    await sandbox.output(['true']) // what the library opens once
    await leavesNothing(sandbox, async () => {
      const made = await sandbox.run(['true'])
      await made.wait()
      const directory = join(sandbox.root, made.id)
      const file = join(directory, 'state.json')
      const text = readFileSync(file, 'utf8')
      const state = JSON.parse(text) as StateFile
      writeFileSync(file, JSON.stringify({ ...state, cgroup_paths: { ...state.cgroup_paths, slow: cgroup } }))
      const isFree = (): boolean => spawnSync('flock', ['--nonblock', directory, 'true']).status === 0

      const asked = says()
      const worker = new Worker(`
        import(${JSON.stringify(library)}).then(async ({ Runtime }) => {
          const made = await new Runtime({ root: ${JSON.stringify(sandbox.root)} }).load('${made.id}')
          await made.delete()
        })`, { eval: true, stderr: true })
      expect([await asked, isFree()]).toEqual(['rmdir', false])
      const ended = worker.terminate()
      server.stdin.write(`${constants.errno[errno]}\n`)
      await ended
      expect(existsSync(directory)).toBe(errno === 'EBUSY')
      if (errno === 'ENOENT') return // it was removed to the end
      expect(isFree()).toBe(true)
      writeFileSync(file, text)
      await sandbox.runtime.delete(made.id)
    })
  })
})

describeWith([...container], 'a worker thread that is terminated on its way to a terminal', () => {
  const sandbox = useSandbox()

  test('while a hook runs: the descriptor of the terminal is closed, and so is the network namespace', async () => {
    const { id, bundle } = sandbox.bundle(['true'], (spec) => {
      spec.process.terminal = true
      spec.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `echo > ${sandbox.directory}/hook; exec sleep 1000`] }] }
    })
    const descriptors = (): string[] => readdirSync('/proc/self/fd').flatMap((fd) => linkOf(`/proc/self/fd/${fd}`) ?? [])
    const terminals = (): number => descriptors().filter((target) => target.endsWith('ptmx')).length
    await sandbox.output(['true'])
    await leavesNothing(sandbox, async () => {
      const before = terminals()
      const worker = new Worker(`
        import(${JSON.stringify(library)}).then(({ Runtime }) =>
          new Runtime({ root: ${JSON.stringify(sandbox.root)} }).create({ id: '${id}', bundle: '${bundle}' }))`, { eval: true })
      await until(() => existsSync(join(sandbox.directory, 'hook')) && terminals() > before)
      await worker.terminate()
      await sandbox.runtime.delete(id, { force: true })
      await until(() => terminals() === before)
    })
  })
})
