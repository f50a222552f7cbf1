/**
 * Several containers at once, in one process and from several.
 */
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { Runtime } from '../../lib/index.ts'
import { runProgram } from '../helpers/cli.ts'
import { end, rejection, useSandbox } from '../helpers/containers.ts'
import { isRunning, linkOf, until } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'

const library = new URL('../../dist/index.js', import.meta.url).href

describeWith([...container, 'cli'], 'containers side by side', () => {
  const sandbox = useSandbox()

  test('each has its own output and its own end', async () => {
    const numbers = Array.from({ length: 16 }, (_, number) => number)
    const all = await Promise.all(numbers.map((number) => sandbox.run(['sh', '-c', `echo ${number}; exit ${number}`])))
    const ended = await Promise.all(all.map(end))
    expect(ended).toEqual(numbers.map((number) => ({ code: number, signal: null, stdout: `${number}\n`, stderr: '' })))
  })

  test('the event loop turns while they start', async () => {
    let turns = 0
    const timer = setInterval(() => { turns++ }, 1)
    const slow = { path: '/bin/sh', args: ['sh', '-c', 'sleep 0.2'] }
    await Promise.all(Array.from({ length: 8 }, () => sandbox.run(['true'], (spec) => {
      spec.hooks = { createRuntime: [slow], createContainer: [slow], poststart: [slow] }
    })))
    clearInterval(timer)
    expect(turns).toBeGreaterThan(8)
  })

  test('of two with one id, one is made and the other refused', async () => {
    const id = sandbox.id()
    const results = await Promise.allSettled([1, 2, 3].map(() => sandbox.create(['true'], undefined, { id })))
    const refused = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as { code: string; message: string }] : [],
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(refused.map(({ code }) => code)).toEqual(['ERR_ID_EXISTS', 'ERR_ID_EXISTS'])
    expect(refused[0]?.message).toBe(`container with given ID already exists: "${id}"`)
    expect((await (await sandbox.runtime.load(id)).state()).status).toBe('created')
  })

  test('start() called twice at once runs the program once', async () => {
    const made = await sandbox.create(['sh', '-c', 'echo ran; sleep 1000'])
    const results = await Promise.allSettled([made.start(), made.start()])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const refused = results.find((one) => one.status === 'rejected')
    expect(refused?.status === 'rejected' && (refused.reason as Error).message).toBe(
      'cannot start an already running container',
    )
  })

  test('a second process loads a container, adds to it, ends it and deletes it', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const script = `
      const { Runtime } = await import(${JSON.stringify(library)})
      const container = await new Runtime({ root: ${JSON.stringify(sandbox.root)} }).load('${made.id}')
      console.log((await container.state()).status, container.pid, container.stdout)
      const options = { stdout: 'inherit', stderr: 'inherit' }
      const added = await container.exec({ args: ['sh', '-c', 'hostname; exit 5'], ...options })
      console.log((await added.wait()).code)
      await container.kill('KILL')
      const exit = await container.wait()
      console.log(exit.code, exit.signal === null || exit.signal === 'SIGKILL')
      await container.delete()`
    const result = await runProgram([process.execPath, '--input-type=module', '-e', script])
    expect(result.stderr).toBe('')
    expect(result.stdout).toBe(`running ${made.pid} null\nrunc\n5\nnull true\n`)
    expect(await made.wait()).toMatchObject({ code: null, signal: 'SIGKILL' })
    expect((await rejection(sandbox.runtime.load(made.id))).code).toBe('ERR_NOT_FOUND')
  })

  test('a created container is started by another process, after its maker has gone', async () => {
    const id = sandbox.id()
    const spec = sandbox.spec(['sleep', '1000'], ({ linux }) => { linux.cgroupsPath = `/nrunc-test/${id}` })
    const script = `
      const { Runtime } = await import(${JSON.stringify(library)})
      const options = ${JSON.stringify({ id, bundle: '/', spec, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })}
      await new Runtime({ root: ${JSON.stringify(sandbox.root)} }).create(options)
      process.exit(0)`
    expect(await runProgram([process.execPath, '--input-type=module', '-e', script])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
    const loaded = sandbox.keep(await new Runtime({ root: sandbox.root }).load(id))
    expect((await loaded.state()).status).toBe('created')
    await loaded.start()
    expect((await loaded.state()).status).toBe('running')
    expect(linkOf(`/proc/${loaded.pid}/exe`)).toMatch(/busybox$/)
  })

  test('a process ends by itself although a container that it made runs on', async () => {
    const id = sandbox.id()
    const spec = sandbox.spec(['sleep', '1000'], ({ linux }) => { linux.cgroupsPath = `/nrunc-test/${id}` })
    const script = `
      const { Runtime } = await import(${JSON.stringify(library)})
      const options = ${JSON.stringify({ id, bundle: '/', spec, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })}
      const container = await new Runtime({ root: ${JSON.stringify(sandbox.root)} }).run(options)
      console.log(container.pid)
      process.exit()`
    const pid = Number((await runProgram([process.execPath, '--input-type=module', '-e', script])).stdout)
    const loaded = sandbox.keep(await sandbox.runtime.load(id))
    expect(loaded.pid).toBe(pid)
    expect(isRunning(pid)).toBe(true)
  })

  test('worker threads have containers of their own', async () => {
    const run = (code: number) => {
      const id = sandbox.id()
      const spec = sandbox.spec(['sh', '-c', `exit ${code}`], ({ linux }) => {
        linux.cgroupsPath = `/nrunc-test/${id}`
      })
      const script = `
        const { parentPort } = require('node:worker_threads')
        import(${JSON.stringify(library)}).then(async ({ Runtime }) => {
          const runtime = new Runtime({ root: ${JSON.stringify(sandbox.root)} })
          const container = await runtime.run(${JSON.stringify({ id, bundle: '/', spec, stdin: 'ignore' })})
          const exit = await container.wait()
          await container.delete()
          parentPort.postMessage(exit)
        })`
      return new Promise((resolve, reject) => {
        const worker = new Worker(script, { eval: true, stderr: true })
        const stderr = text(worker.stderr)
        let message: unknown
        worker.on('message', (value) => { message = value }).on('error', reject)
          .on('exit', () => void stderr.then((warnings) => resolve({ message, warnings })))
      })
    }
    const ended = (code: number) => ({ message: expect.objectContaining({ code, signal: null }), warnings: '' })
    expect(await Promise.all([3, 4, 5].map(run))).toEqual([3, 4, 5].map(ended))
    expect((await sandbox.output(['true'])).code).toBe(0)
  })

  test('a worker thread that is ended while it starts containers takes nothing else with it', async () => {
    const script = `
      import(${JSON.stringify(library)}).then(async ({ Runtime }) => {
        const runtime = new Runtime({ root: ${JSON.stringify(sandbox.root)} })
        require('node:worker_threads').parentPort.postMessage('ready')
        for (let count = 0; ; count++) {
          const id = '${sandbox.prefix}-w' + count
          const spec = ${JSON.stringify(sandbox.spec(['sleep', '1000']))}
          spec.linux.cgroupsPath = '/nrunc-test/' + id
          await runtime.run({ id, bundle: '/', spec, stdin: 'ignore' })
        }
      })`
    const worker = new Worker(script, { eval: true, stderr: true })
    await new Promise((resolve) => worker.once('message', resolve))
    await until(async () => (await sandbox.runtime.list()).length >= 2)
    await worker.terminate()
    expect((await sandbox.output(['echo', 'alive'])).stdout).toBe('alive\n')
    const [first] = await sandbox.runtime.list()
    expect((await first!.state()).status).toBe('running')
  })
})
