/**
 * A pid that has been given to another process: that is never signalled, nor listed. In a pid namespace of the test's own,
 * whose next pid can be chosen (ns_last_pid; proc_sys_kernel(5)).
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runProgram } from '../helpers/cli.ts'
import { cgroupsPathOf } from '../helpers/cgroup.ts'
import { useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const library = new URL('../../dist/index.js', import.meta.url).href

describeWith([...container, 'cli', 'mountNamespaces'], 'a recycled pid', () => {
  const sandbox = useSandbox()

  /** BODY has `runtime`, `options` of a container that sleeps, and `recycle(pid)`, a process of that pid that is not the container's. */
  const inNamespace = async (body: string) => {
    const id = sandbox.id()
    const spec = sandbox.spec(['sleep', '1000'], ({ linux }) => { linux.cgroupsPath = cgroupsPathOf(id) })
    const script = `
      import { spawn } from 'node:child_process'
      import { readFileSync, writeFileSync } from 'node:fs'
      import { setTimeout as sleep } from 'node:timers/promises'
      const { Runtime } = await import(${JSON.stringify(library)})
      const runtime = new Runtime({ root: ${JSON.stringify(sandbox.root)} })
      const options = ${JSON.stringify({ id, spec, bundle: '/', stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })}
      const stat = (pid) => { try { return readFileSync('/proc/' + pid + '/stat', 'latin1').split(' ') } catch { return [] } }
      const recycle = async (pid) => {
        while (stat(pid).length > 0) await sleep(1)
        for (let left = 200; left > 0; left--) {
          writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1))
          const other = spawn('sleep', ['1000'], { stdio: 'ignore' })
          if (other.pid === pid) {
            await sleep(30)
            return other
          }
          other.kill('SIGKILL')
        }
        throw new Error('the pid was not given again')
      }
      const tell = (promise) => promise.then((value) => 'ok ' + (value === undefined ? '' : JSON.stringify(value)), (error) => (error.code ?? error) + ' ' + error.message)
      const alive = (other) => other.exitCode === null && other.signalCode === null && stat(other.pid)[2] !== 'Z'
      ${body}
      process.exit()`
    const { stdout, stderr } = await runProgram(['unshare', '--pid', '--fork', '--mount-proc', process.execPath, '--input-type=module', '-e', script])
    expect(stderr).toBe('')
    expect(existsSync(join(sandbox.root, id))).toBe(false)
    return stdout.trim().split('\n')
  }

  test('of init: it is stopped for all that is asked, and the other process is left alone', async () => {
    const lines = await inNamespace(`
      const made = await runtime.run(options)
      const start = (await runtime.load(options.id)).pid
      process.kill(made.pid, 'SIGKILL')
      await made.wait()
      const other = await recycle(made.pid)
      const loaded = await runtime.load(options.id)
      console.log(start === other.pid, (await loaded.state()).status)
      for (const one of [made, loaded]) {
        console.log(await tell(one.kill('SIGKILL')))
        console.log(await tell(one.exec({ args: ['true'] })))
        console.log(await tell(one.processes()))
        console.log(await tell(one.stop().then(() => undefined)))
      }
      console.log(await tell(loaded.wait({ stats: false }).then(({ code, signal }) => [code, signal])))
      console.log(await tell(runtime.delete(options.id, { force: true })))
      console.log(alive(other))
    `)
    const stopped = ['ERR_STATUS container not running', 'ERR_STATUS cannot exec in a stopped container', 'ok []', 'ok']
    expect(lines.map((line) => line.trim())).toEqual(['true stopped', ...stopped, ...stopped, 'ok [null,null]', 'ok', 'true'])
  })

  test('of a process that exec added', async () => {
    const lines = await inNamespace(`
      const made = await runtime.run(options)
      const added = await made.exec({ args: ['true'], stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
      await added.wait()
      const other = await recycle(added.pid)
      console.log(await tell(added.kill('SIGKILL')))
      console.log(await tell(added.stop().then(({ code }) => code)))
      await added[Symbol.asyncDispose]()
      console.log((await made.processes()).includes(other.pid))
      await made.delete({ force: true })
      console.log(alive(other))
    `)
    expect(lines).toEqual(['ERR_SIGNAL process already finished', 'ok 0', 'false', 'true'])
  })

  test('of the init of a container whose maker was killed', async () => {
    const lines = await inNamespace(`
      const { renameSync, unlinkSync } = await import('node:fs')
      const made = await runtime.create(options)
      const directory = runtime.root + '/' + options.id
      process.kill(made.pid, 'SIGKILL')
      await made.wait()
      renameSync(directory + '/state.json', directory + '/state.json.new')
      const other = await recycle(made.pid)
      console.log(await tell(runtime.delete(options.id, { force: true })))
      console.log(alive(other))
    `)
    expect(lines.map((line) => line.trim())).toEqual(['ok', 'true'])
  })
})
