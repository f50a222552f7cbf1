/**
 * Many starts at a time, several copies of the library, and a system without a thread to spare.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { Runtime } from '../../lib/index.ts'
import { groupRoot } from '../helpers/cgroup.ts'
import { runProgram } from '../helpers/cli.ts'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { childrenOf, until } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const library = new URL('../../dist/index.js', import.meta.url).href
const pids = `/sys/fs/cgroup/pids/${groupRoot}`
const noPids = existsSync(join(pids, '..', 'cgroup.procs'))
  ? process.env['TSAN_OPTIONS'] === undefined ? '' : ' (skipped: ThreadSanitizer ends without a thread of its own)'
  : ' (skipped: no hierarchy of cgroup v1 for pids)'

describeWith([...container, 'cli'], 'concurrency', () => {
  const sandbox = useSandbox()
  const spec = (id: string) => sandbox.spec(['true'], ({ linux }) => { linux.cgroupsPath = join(groupRoot, id) })

  test('many more starts than may be made at a time: all are made, never more at once, and nothing stays', async () => {
    await sandbox.output(['true']) // what the library opens once
    await leavesNothing(sandbox, async () => {
      const runtime = new Runtime({ root: sandbox.root, startsAtOnce: 3 })
      let most = 0
      let running = 0
      const count = 40
      // A hook function runs while its container is being made.
      const hook = async (): Promise<void> => {
        most = Math.max(most, ++running)
        await until(() => most >= 3)
        await new Promise((resolve) => setTimeout(resolve, 5))
        running--
      }
      const codes = await Promise.all(Array.from({ length: count }, async () => {
        const id = sandbox.id()
        const made = await runtime.run({ id, spec: spec(id), bundle: '/', stdin: 'ignore', hooks: { createRuntime: hook } })
        const { code } = await made.wait()
        await made.delete()
        return code
      }))
      expect([codes.every((code) => code === 0), codes.length, most]).toEqual([true, count, 3])
    })
  })

  test.each([0, -1, 1.5, Number.NaN])('startsAtOnce %s is refused', (startsAtOnce) => {
    expect(() => new Runtime({ startsAtOnce })).toThrow('startsAtOnce')
  })

  test('a worker thread that is terminated: its locks are free, and what it made is reaped', async () => {
    const id = sandbox.id()
    const script = `
      import(${JSON.stringify(library)}).then(async ({ Runtime }) => {
        const runtime = new Runtime({ root: ${JSON.stringify(sandbox.root)} })
        const pool = await runtime.pool({ spec: ${JSON.stringify(sandbox.spec(['true']))}, bundle: '/', size: 3, cgroupsParent: '/${groupRoot}' })
        const spec = ${JSON.stringify(sandbox.spec(['sleep', '1000'], ({ linux }) => { linux.cgroupsPath = join(groupRoot, id) }))}
        await runtime.run({ id: '${id}', spec, bundle: '/', stdin: 'ignore' })
        require('node:worker_threads').parentPort.postMessage('ready')
      })`
    const before = childrenOf(process.pid)
    const worker = new Worker(script, { eval: true, stderr: true })
    await new Promise((resolve) => worker.once('message', resolve))
    expect(readdirSync(sandbox.root)).toHaveLength(4)
    await worker.terminate()
    const made = await sandbox.runtime.load(id)
    expect((await made.state()).status).toBe('running')
    await made.delete({ force: true })
    for (const waiting of readdirSync(sandbox.root)) await sandbox.runtime.delete(waiting, { force: true })
    expect(readdirSync(sandbox.root)).toEqual([])
    await until(() => childrenOf(process.pid).every((pid) => before.includes(pid)))
  })

  test('a worker thread that is terminated at any moment: no lock, no process, no descriptor stays', async () => {
    const parent = join(groupRoot, `${sandbox.prefix}-moments`)
    const hook = { path: '/bin/sh', args: ['sh', '-c', 'sleep 0.02'] }
    const script = `
      import(${JSON.stringify(library)}).then(async ({ Runtime }) => {
        const runtime = new Runtime({ root: ${JSON.stringify(sandbox.root)} })
        const spec = (change) => ({ ...${JSON.stringify(sandbox.spec(['cat']))}, ...change })
        const { linux } = spec()
        const host = (id) => ({ linux: { ...linux, cgroupsPath: '${parent}/' + id, namespaces: linux.namespaces.filter(({ type }) => type !== 'pid') } })
        const hooks = { createRuntime: [${JSON.stringify(hook)}], createContainer: [${JSON.stringify(hook)}], poststart: [${JSON.stringify(hook)}] }
        require('node:worker_threads').parentPort.postMessage('ready')
        for (let at = 0; ; at++) {
          const [one, two] = [0, 1].map((number) => require('node:crypto').randomBytes(8).toString('hex'))
          await Promise.all([
            runtime.run({ id: one, bundle: '/', spec: spec(host(one)) }).then(async (made) => {
              await made.exec({ args: ['true'] })
              made.stdin.end()
              await made.wait()
              await made.delete()
            }),
            runtime.run({ id: two, bundle: '/', spec: spec({ ...host(two), hooks }) }).then((made) => made.delete({ force: true })),
            runtime.pool({ spec: spec(), bundle: '/', size: 1, cgroupsParent: '${parent}' }).then(async (pool) => {
              await pool.execute({ args: ['true'] })
              await pool.close()
            }),
          ])
        }
      })`
    await sandbox.output(['true'], ({ linux }) => { linux.cgroupsPath = `${parent}/first` }) // the parent stays
    await leavesNothing(sandbox, async () => {
      for (let round = 0; round < 12; round++) {
        const worker = new Worker(script, { eval: true, stderr: true })
        await new Promise((resolve) => worker.once('message', resolve))
        await new Promise((resolve) => setTimeout(resolve, round * 30))
        await worker.terminate()
        for (const id of readdirSync(sandbox.root).filter((name) => name !== '@seccomp')) await sandbox.runtime.delete(id, { force: true })
      }
    })
  })

  // Node forgets the descriptor of an fs.promises.open() that is under way, and reads no argument of the addon any more.
  test('a worker thread that is terminated while it uses the files of cgroups: no descriptor and no lock stays', async () => {
    const id = sandbox.id()
    const made = await sandbox.create(['sleep', '1000'], ({ linux }) => { linux.cgroupsPath = join(groupRoot, id) }, { id })
    const script = `
      import(${JSON.stringify(library)}).then(async ({ Runtime }) => {
        const container = await new Runtime({ root: ${JSON.stringify(sandbox.root)} }).load('${id}')
        const again = async (...works) => { for (;;) for (const work of works) await work().catch(() => {}) }
        again(() => container.processes())
        again(() => container.stats())
        again(() => container.update({ cpu: { shares: 1000 } }))
        again(() => container.pause(), () => container.resume())
        require('node:worker_threads').parentPort.postMessage('ready')
      })`
    await leavesNothing(sandbox, async () => {
      for (let round = 0; round < 20; round++) {
        const worker = new Worker(script, { eval: true, stderr: true })
        await new Promise((resolve) => worker.once('message', resolve))
        await new Promise((resolve) => setTimeout(resolve, 5 + round % 7))
        await worker.terminate()
      }
    })
    await made.delete({ force: true })
  })

  test('two copies of the library in one process', async () => {
    const copy = join(sandbox.directory, 'copy')
    mkdirSync(join(copy, 'build/Release'), { recursive: true })
    for (const path of ['package.json', 'dist', 'build/Release/nrunc.node']) {
      cpSync(new URL(`../../${path}`, import.meta.url), join(copy, path), { recursive: true })
    }
    const ids = [sandbox.id(), sandbox.id()]
    const script = `
      const all = await Promise.all(${JSON.stringify([library, join(copy, 'dist/index.js')])}.map((path) => import(path)))
      const runtimes = all.map(({ Runtime }) => new Runtime({ root: ${JSON.stringify(sandbox.root)} }))
      const specs = ${JSON.stringify(ids.map(spec))}
      const made = await Promise.all(runtimes.map((runtime, at) =>
        runtime.run({ id: ${JSON.stringify(ids)}[at], spec: specs[at], bundle: '/', stdin: 'ignore' })))
      const ends = await Promise.all(made.map((one) => one.wait()))
      for (const one of made) await one.delete()
      console.log(runtimes[0].constructor === runtimes[1].constructor, ends.map(({ code }) => code).join())`
    const result = await runProgram([process.execPath, '--input-type=module', '-e', script])
    expect(result).toEqual({ code: 0, stdout: 'false 0,0\n', stderr: '' })
  })

  test.skipIf(noPids !== '')(`a thread that the system does not give is an error, and the next start works${noPids}`, async () => {
    const group = join(pids, `${sandbox.prefix}-threads`)
    mkdirSync(group, { recursive: true })
    const id = sandbox.id()
    const script = `
      import { readFileSync, writeFileSync } from 'node:fs'
      const { Runtime } = await import(${JSON.stringify(library)})
      const limit = (value) => writeFileSync(${JSON.stringify(join(group, 'pids.max'))}, String(value))
      const runtime = new Runtime({ root: ${JSON.stringify(sandbox.root)} })
      const run = () => runtime.run({ id: '${id}', spec: ${JSON.stringify(spec(id))}, bundle: '/', stdin: 'ignore' })
      await import('node:fs').then(({ promises }) => promises.readFile('/dev/null')) // libuv's own threads
      limit(readFileSync(${JSON.stringify(join(group, 'pids.current'))}, 'utf8').trim())
      console.log(await run().then(() => 'ran', (error) => error.code + ' ' + error.errno))
      limit('max')
      const made = await run()
      console.log((await made.wait()).code)
      await made.delete()`
    const shell = `echo $$ > ${group}/cgroup.procs && exec "$@"`
    try {
      const result = await runProgram(['sh', '-c', shell, 'sh', process.execPath, '--input-type=module', '-e', script])
      expect(result).toEqual({ code: 0, stdout: 'ERR_NATIVE EAGAIN\n0\n', stderr: '' })
    } finally {
      rmdirSync(group)
    }
  })

  test.skipIf(noPids !== '')(`nor does it end the process where files are read and written${noPids}`, async () => {
    const group = join(pids, `${sandbox.prefix}-files`)
    mkdirSync(group, { recursive: true })
    const id = sandbox.id()
    const change = ({ linux }: TestSpec): void => { linux.cgroupsPath = join(groupRoot, id) }
    const script = `
      import { writeFileSync } from 'node:fs'
      const { Runtime } = await import(${JSON.stringify(library)})
      const limit = (value) => writeFileSync(${JSON.stringify(join(group, 'pids.max'))}, String(value))
      const runtime = new Runtime({ root: ${JSON.stringify(sandbox.root)} })
      const spec = ${JSON.stringify(sandbox.spec(['sleep', '1000'], change))}
      const made = await runtime.create({ id: '${id}', spec, bundle: '/', stdin: 'ignore' })
      const read = () => made.readFile('/etc/passwd').then(() => 'read', (error) => error.code + ' ' + error.errno)
      const write = () => made.writeFile('/dev/shm/x', 'x').then(() => 'written', (error) => error.code + ' ' + error.errno)
      const before = await read() + ' ' + await write()
      limit(1)
      const during = await read() + ' ' + await write()
      limit('max')
      console.log(before + ', ' + during + ', ' + await read())
      await made.delete()`
    const shell = `echo $$ > ${group}/cgroup.procs && exec "$@"`
    try {
      const result = await runProgram(['sh', '-c', shell, 'sh', process.execPath, '--input-type=module', '-e', script])
      expect(result).toEqual({ code: 0, stdout: 'read written, ERR_FILE EAGAIN ERR_FILE EAGAIN, read\n', stderr: '' })
    } finally {
      rmdirSync(group)
    }
  })
})
