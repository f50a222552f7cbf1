/**
 * A process that has no descriptor left: what it cannot see is not gone.
 */
import { expect, test } from 'vitest'
import { cgroupsPathOf } from '../helpers/cgroup.ts'
import { runProgram } from '../helpers/cli.ts'
import { useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const library = new URL('../../dist/index.js', import.meta.url).href

describeWith([...container, 'cli'], 'no descriptor left', () => {
  const sandbox = useSandbox()
  const program = (id: string, body: string): string => `
    import { closeSync, openSync } from 'node:fs'
    const { Runtime } = await import(${JSON.stringify(library)})
    const runtime = new Runtime({ root: ${JSON.stringify(sandbox.root)} })
    const spec = ${JSON.stringify(sandbox.spec(['sleep', '1000'], ({ linux, process }) => {
      linux.cgroupsPath = cgroupsPathOf(id)
      delete process.rlimits
    }))}
    const made = await runtime.run({ id: '${id}', spec, bundle: '/', stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
    const held = []
    const exhaust = (spare) => {
      try { for (;;) held.push(openSync('/dev/null')) } catch {}
      for (let i = 0; i < spare; i++) closeSync(held.pop())
    }
    const release = () => { for (const fd of held.splice(0)) closeSync(fd) }
    ${body}`
  const run = (script: string) =>
    runProgram(['sh', '-c', 'ulimit -n 128 && exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script])

  test('a container that runs is not taken for one that has stopped', async () => {
    const id = sandbox.id()
    const result = await run(program(id, `
      const errors = []
      const tell = ({ code, errno }) => errors.push(code + ' ' + errno)
      await made.kill('SIGWINCH')
      exhaust(0)
      await made.kill('SIGWINCH').catch(tell)
      await made.delete({ force: true }).catch(tell)
      release()
      console.log(errors.join(), (await made.state()).status)
      await made.delete({ force: true })`))
    expect(result).toEqual({ code: 0, stdout: 'ERR_HOST EMFILE,ERR_STATE_INVALID EMFILE running\n', stderr: '' })
  })

  test.each([0, 1])('with %i to spare: its end is not told before it has come', async (spare) => {
    const id = sandbox.id()
    const result = await run(program(id, `
      const loaded = await runtime.load('${id}')
      exhaust(${spare})
      const ended = loaded.wait({ stats: false })
      let told = false
      void ended.then(() => { told = true })
      await new Promise((resolve) => setTimeout(resolve, 100))
      const early = told
      release()
      await new Promise((resolve) => setTimeout(resolve, 200))
      await made.kill('SIGKILL')
      console.log(early, (await ended).signal)
      await made.delete({ force: true })`))
    expect(result).toEqual({ code: 0, stdout: 'false SIGKILL\n', stderr: '' })
  })
})
