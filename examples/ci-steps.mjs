// The steps of a build, one after the other, in one container: the sources go in, each line comes out as it is written,
// the artifacts come out when all is well. Ctrl-C ends the build and leaves nothing.
//   node examples/ci-steps.mjs SOURCES ARTIFACTS 'step one' 'step two'
import { Runtime } from 'nrunc'

const [sources, artifacts, ...steps] = process.argv.slice(2)
const interrupt = new AbortController()
process.once('SIGINT', () => interrupt.abort())

const runtime = new Runtime({ root: process.env.NRUNC_ROOT })
const container = await runtime.run({
  host: { args: ['sleep', '3600'], cwd: '/tmp' }, stdout: 'ignore', stderr: 'ignore', signal: interrupt.signal, gracePeriod: 0,
})
try {
  await container.copyIn(sources, '/tmp/work')

  for (const [index, step] of steps.entries()) {
    const running = container.execute({ args: ['sh', '-ec', step], cwd: '/tmp/work', timeout: 600_000, buffer: false, stderr: 'inherit' })
    try {
      for await (const line of running) console.log(`[${index + 1}/${steps.length}] ${line}`)
    } catch (error) {
      console.log(`[${index + 1}/${steps.length}] failed: ${error.message}`)
      process.exitCode = error.exitCode ?? 1
      break
    }
  }
  if (process.exitCode === undefined) await container.copyOut('/tmp/work/out', artifacts)
} finally {
  await container.delete({ force: true })
}
