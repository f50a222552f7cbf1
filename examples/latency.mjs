// How long a start takes here: from the call to the end of /bin/true, and where the time goes.
//   node examples/latency.mjs [STARTS] [AT ONCE]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Runtime, writeHostBundle } from 'nrunc'

const [starts, atOnce] = [Number(process.argv[2] ?? 100), Number(process.argv[3] ?? 1)]
const bundle = await mkdtemp(join(tmpdir(), 'latency-'))
const spec = await writeHostBundle(bundle, { args: ['true'] })
const runtime = new Runtime({ root: process.env.NRUNC_ROOT })
const template = await runtime.compile({ bundle, spec })
const [whole, executed] = [[], []]

async function start() {
  const begun = performance.now()
  const container = await template.run({ stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
  executed.push(performance.now() - begun)
  const { code } = await container.wait({ stats: false })
  if (code !== 0) throw new Error(`exit code ${code}`)
  whole.push(performance.now() - begun)
  await container.delete()
}

async function worker(count) {
  for (let at = 0; at < count; at++) await start()
}

await worker(5) // the first ones are slower: code that has not run yet
for (const list of [whole, executed]) list.length = 0
const begun = performance.now()
await Promise.all(Array.from({ length: atOnce }, () => worker(Math.ceil(starts / atOnce))))
const seconds = (performance.now() - begun) / 1000
template.close()
await rm(bundle, { recursive: true })

const quantile = (list, share) => list.sort((one, other) => one - other)[Math.min(list.length - 1, Math.floor(list.length * share))].toFixed(2)
console.log(`${whole.length} starts, ${atOnce} at a time: ${(whole.length / seconds).toFixed(0)} a second`)
for (const [name, list] of [['executed', executed], ['ended', whole]]) {
  console.log(`${name}: median ${quantile(list, 0.5)} ms, 90% ${quantile(list, 0.9)} ms, 99% ${quantile(list, 0.99)} ms`)
}
